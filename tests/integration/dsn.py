"""Delivery status notifications in the forms of relays that customers' providers run."""

BOUNDARY = "9B095B5ADSN=_"


def postfix(to, recipient, status="5.1.1", action="failed", said="550 5.1.1 no such mailbox here"):
    return f"""\
Return-Path: <>
X-Original-To: {to}
Received: by mx.kunde.example (Postfix) id 4X0000; Mon, 23 Nov 2026 09:12:04 +0100 (CET)
Date: Mon, 23 Nov 2026 09:12:04 +0100 (CET)
From: MAILER-DAEMON@mx.kunde.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{BOUNDARY}"
Content-Transfer-Encoding: 8bit
Message-Id: <20261123081204.4X0000@mx.kunde.example>

This is a MIME-encapsulated message.

--{BOUNDARY}
Content-Description: Notification
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

This is the mail system at host mx.kunde.example. Your message could not be delivered.

--{BOUNDARY}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.kunde.example
X-Postfix-Queue-ID: 4X0000
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Mon, 23 Nov 2026 09:12:03 +0100 (CET)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; store.kunde.example
Diagnostic-Code: smtp; {said.split(" ", 3)[0]} <{recipient}>:
    {said}

--{BOUNDARY}
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Subject: Ihr Zugang
To: {recipient}

--{BOUNDARY}--
"""


def exim(to, recipient):
    """Comments, no Diagnostic-Code of its own line, and an address with a display form."""
    return f"""\
Received: from Debian-exim by mail.kunde.example with local (Exim 4.96)
\tid 1tE000-000001-2k
\tfor {to};
\tMon, 23 Nov 2026 09:12:04 +0100
X-Failed-Recipients: {recipient}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mail.kunde.example>
To: {to}
References: <01@versicherung.example>
Content-Type: multipart/report; report-type=delivery-status; boundary={BOUNDARY.rstrip("=_")}
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--{BOUNDARY.rstrip("=_")}
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--{BOUNDARY.rstrip("=_")}
Content-type: message/delivery-status

Reporting-MTA: dns; mail.kunde.example

Action: failed
Final-Recipient: rfc822;{recipient}
Status: 5.0.0
Remote-MTA: dns; store.kunde.example
Diagnostic-Code: smtp; 552 5.2.2 Mailbox size limit exceeded

--{BOUNDARY.rstrip("=_")}
Content-type: message/rfc822

From: Muster <konto@versicherung.example>
Subject: Ihr Zugang

Text
--{BOUNDARY.rstrip("=_")}--
"""


def exchange(to, recipient):
    """An HTML notice, a nested alternative, and a status part in base64."""
    return f"""\
MIME-Version: 1.0
From: <postmaster@kunde.onmicrosoft.example>
To: <{to}>
Date: Mon, 23 Nov 2026 08:12:04 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{BOUNDARY}"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: de-DE
Message-ID: <0001@KUNDE.onmicrosoft.example>
In-Reply-To: <01@versicherung.example>
Subject: Unzustellbar: Ihr Zugang
Auto-Submitted: auto-replied

--{BOUNDARY}
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="inner{BOUNDARY}"

--inner{BOUNDARY}
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: base64

TmljaHQgenVzdGVsbGJhcg==

--inner{BOUNDARY}
Content-Type: text/html; charset="utf-8"

<html><body>Nicht zustellbar</body></html>

--inner{BOUNDARY}--

--{BOUNDARY}
Content-Type: message/delivery-status

Reporting-MTA: dns;KUNDE01.prod.example
Received-From-MTA: dns;relay.example
Arrival-Date: Mon, 23 Nov 2026 08:12:03 +0000

Original-Recipient: rfc822;{recipient}
Final-Recipient: rfc822;{recipient}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {recipient} not found by SMTP address lookup
X-Display-Name: {recipient}

--{BOUNDARY}
Content-Type: message/rfc822

Subject: Ihr Zugang

--{BOUNDARY}--
"""


def gmail(to, recipient):
    """A logo beside the text, and a status with a comment."""
    return f"""\
Delivered-To: {to}
From: Mail Delivery Subsystem <mailer-daemon@mail.kunde.example>
To: {to}
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: <01@versicherung.example>
MIME-Version: 1.0
Content-Type: multipart/report; boundary="{BOUNDARY}"; report-type=delivery-status

--{BOUNDARY}
Content-Type: multipart/related; boundary="rel{BOUNDARY}"

--rel{BOUNDARY}
Content-Type: text/plain; charset="UTF-8"

** Address not found **

--rel{BOUNDARY}
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64
Content-ID: <icon.png>

iVBORw0KGgo=
--rel{BOUNDARY}--
--{BOUNDARY}
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.kunde.example
Arrival-Date: Mon, 23 Nov 2026 00:12:03 -0800 (PST)
X-Original-Message-ID: <01@versicherung.example>

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1 (bad destination mailbox address)
Remote-MTA: dns; store.kunde.example. (192.0.2.7, the server for the domain kunde.example.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
 550 5.1.1  https://support.kunde.example/answer/6596 - gsmtp
Last-Attempt-Date: Mon, 23 Nov 2026 00:12:04 -0800 (PST)

--{BOUNDARY}
Content-Type: message/rfc822

Subject: Ihr Zugang

--{BOUNDARY}--
"""


def vacation(to):
    """What a holiday sends: no notification."""
    return f"From: erika@kunde.example\nTo: {to}\nSubject: Abwesend\nAuto-Submitted: auto-replied\n\nIch bin im Urlaub.\n"
