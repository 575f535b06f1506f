"""The sample customers of the sandbox, c-0001 and on; the same ones in every sandbox.

The first twenty are chosen by hand, so that the hard names and addresses are always there; the
rest are put together from lists.
"""

import base64
from collections import namedtuple
from itertools import islice

Customer = namedtuple("Customer", "uid given surname birthdate policies language address")

# given name, surname, birthdate, language, street, postcode and town, country
CHOSEN = (
    ("Anna", "Beispiel", "1984-03-17", "de", "Lindenallee 12", "50667 Köln", None),
    ("Jürgen", "Müller", "1951-11-02", "de", "Süderstraße 4a", "24103 Kiel", None),
    ("Karl-Heinz", "Großmann-Öttinger", "1944-01-30", "de", "Am Bühl 7", "88662 Überlingen", None),
    ("Hannelore Friederike", "von der Wettern-Schwarzenfels zu Hohenbrück", "1938-06-21", "de",
     "Obere Schloßgartenstraße 118", "73728 Esslingen am Neckar", None),
    ("Łukasz", "Wiśniewski", "1979-09-05", "de", "Goethestraße 33", "02826 Görlitz", None),
    ("Małgorzata", "Brzęczyszczykiewicz", "1990-12-24", "de", "Kantstraße 9", "10623 Berlin", None),
    ("Işıl", "Yıldırım", "1988-04-23", "de", "Keupstraße 61", "51063 Köln", None),
    ("Gökhan", "Çağlayan", "1972-10-29", "de", "Rheinweg 2", "68159 Mannheim", None),
    ("Ελένη", "Παπαδοπούλου", "1966-03-25", "de", "Theodor-Heuss-Ring 40", "50668 Köln", None),
    ("Γιώργος", "Κωνσταντινίδης", "1958-08-15", "de", "Marktplatz 1", "70173 Stuttgart", None),
    ("Thị Ngọc Ánh", "Nguyễn", "1995-02-08", "de", "Herzbergstraße 128", "10365 Berlin", None),
    ("Văn Đức", "Trần", "1963-09-02", "de", "Dresdner Straße 5", "01705 Freital", None),
    ("Élodie", "Lefèvre", "1981-07-14", "de", "12, rue de la Mésange", "67000 Strasbourg", "FRANKREICH"),
    ("Emily", "Carter", "1986-05-09", "en", "Hansaring 77", "50670 Köln", None),
    ("Søren", "Kjærgård", "1970-06-05", "de", "Strandvejen 210", "2900 Hellerup", "DÄNEMARK"),
    ("Marie-Luise", "Schönhärl", "1949-05-23", "de", "Hintere Gasse 3", "91541 Rothenburg", None),
    ("Jo", "Au", "2000-02-29", "de", "Kai 1", "20457 Hamburg", None),
    ("Šárka", "Dvořáková", "1977-11-17", "de", "Prager Straße 10", "01069 Dresden", None),
    ("Robert", "O'Brien", "1969-12-31", "en", "Bergmannstraße 102", "10961 Berlin", None),
    ("Ursula", "Weiß", "1932-08-08", "de", "Seniorenheim St. Josef\nZimmer 214\nKirchweg 5",
     "94032 Passau", None),
)
# The uids, counted from 1, of those with a second policy.
TWO_POLICIES = (3, 14)

GIVEN = ("Sabine", "Thomas", "Jörg", "Käthe", "Björn", "Agnieszka", "Özlem", "Nikolaos", "Minh",
         "Günter", "Renate", "Zoë", "Paweł", "Ayşe", "Hà", "Dimitra", "Uwe", "Brigitte", "Jan")
SURNAMES = ("Schmidt", "Schäfer", "Kowalczyk", "Öztürk", "Phạm", "Weber", "Groß", "Hübner", "Szymański",
            "Şahin", "Νικολάου", "Lê", "Krüger", "Meyer-Lüdenscheid", "Fuß", "Jankowska", "Vogt")
STREETS = ("Hauptstraße", "Bahnhofstraße", "Gartenweg", "Mühlgasse", "Schulstraße", "Am Anger", "Ring")
TOWNS = ("04109 Leipzig", "80331 München", "30159 Hannover", "90402 Nürnberg", "44135 Dortmund",
         "28195 Bremen", "99084 Erfurt", "55116 Mainz", "66111 Saarbrücken", "18055 Rostock")


def policy_number(number, second=False):
    """As it is stored: canonical. VN or HR, seven digits that look unlike the uid."""
    return f"{'HR' if second else 'VN'}{(number * 7919 + 1000003) % 10000000:07d}"


def chosen():
    for number, (given, surname, birthdate, language, street, town, country) in enumerate(CHOSEN, 1):
        policies = [policy_number(number)]
        if number in TWO_POLICIES:
            policies.append(policy_number(number, second=True))
        lines = [f"{given} {surname}", *street.split("\n"), town]
        if country:
            lines.append(country)
        yield Customer(f"c-{number:04d}", given, surname, birthdate, policies, language, lines)


def made():
    number = len(CHOSEN)
    while True:
        number += 1
        given = GIVEN[number % len(GIVEN)]
        surname = SURNAMES[number % len(SURNAMES)]
        birthdate = f"{1930 + number % 75}-{1 + number % 12:02d}-{1 + number % 28:02d}"
        lines = [f"{given} {surname}", f"{STREETS[number % len(STREETS)]} {1 + number % 199}",
                 TOWNS[number % len(TOWNS)]]
        language = "en" if number % 25 == 0 else "de"
        yield Customer(f"c-{number:04d}", given, surname, birthdate, [policy_number(number)],
                       language, lines)


def sample(count):
    """The first count customers."""
    yield from islice(chosen(), count)
    yield from islice(made(), max(0, count - len(CHOSEN)))


def attribute(name, value):
    """One LDIF line; base64 where RFC 2849 asks for it."""
    if value.isascii() and value.isprintable() and value[0] not in " :<" and value[-1] != " ":
        return f"{name}: {value}\n"
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"


def postal_address(lines):
    """RFC 4517, 3.3.28: lines separated by $, which itself and the backslash are escaped."""
    return "$".join(line.replace("\\", "\\5C").replace("$", "\\24") for line in lines)


def ldif(customer, suffix):
    return "".join((
        f"dn: uid={customer.uid},ou=customers,{suffix}\n",
        "objectClass: inetOrgPerson\nobjectClass: portalCustomer\n",
        f"uid: {customer.uid}\n",
        attribute("cn", f"{customer.given} {customer.surname}"),
        attribute("givenName", customer.given),
        attribute("sn", customer.surname),
        attribute("postalAddress", postal_address(customer.address)),
        f"preferredLanguage: {customer.language}\n",
        f"portalBirthDate: {customer.birthdate}\n",
        *(f"portalPolicyNumber: {policy}\n" for policy in customer.policies),
        "\n"))


def write_ldif(out, count, suffix):
    for customer in sample(count):
        out.write(ldif(customer, suffix))


def write_list(out, count):
    """uid, policy and birthdate, a customer a line; for several policies the first."""
    for customer in sample(count):
        out.write(f"{customer.uid} {customer.policies[0]} {customer.birthdate}\n")
