/* The reasons, one by one: what they mean for a login, what support is told, what support may read
   out to the customer, and what helps. */
#include "config.h"

#include "explain.h"

#include "texts.h"

const char *explain_effect_word(enum explain_effect effect)
{
    static const char *const words[EXPLAIN_EFFECTS] = {
        [EXPLAIN_REFUSED] = "refused",
        [EXPLAIN_WAITING] = "waiting",
        [EXPLAIN_HINDERED] = "hindered",
        [EXPLAIN_TOLD] = "told",
    };

    return words[effect];
}

const struct explain_rule explain_rules[EXPLAIN_REASONS] = {
    [EXPLAIN_DIRECTORY] =
        {"directory-unreachable", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "the directory can't be asked: nobody can log in",
         N_("We can't look at your account at the moment because of a technical fault on our side. "
            "Please try again in a few minutes; nothing has been lost."),
         NULL, "'portalctl status' and the journal of portald say what is wrong"},
    [EXPLAIN_QUEUE] =
        {"queue-unreadable", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
         "the queue can't be read: what was sent isn't known",
         N_("We can't see at the moment what was sent to you. You can log in as usual."), NULL,
         "'portalctl queue stats' says what is wrong"},
    [EXPLAIN_UNKNOWN] =
        {"unknown", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "no entry has this e-mail address, policy number or uid",
         N_("We find no account with these details. Please check them. If you have none yet, "
            "please register with your policy number, your date of birth and your e-mail address."),
         NULL,
         "look for the customer by the policy number; a new customer's entry is added with ldapadd "
         "or 'portalctl import'"},
    [EXPLAIN_ATTEMPTED] =
        {"registration-attempted", EXPLAIN_TOLD, EXPLAIN_NAMES_TIME,
         "somebody tried to register with this policy number",
         N_("There was an attempt to register, the last one on %s, but the details didn't match. "
            "Please compare policy number and date of birth with your policy; the date must be the "
            "policyholder's."),
         NULL,
         "compare portalPolicyNumber and portalBirthDate of the entry with what the customer says"},
    [EXPLAIN_SEVERAL] = {"several-entries", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                         "more than one entry has this: a login can't tell which is meant",
                         N_("There is an error in how your account is recorded with us. We will "
                            "mend it and tell you; until then you can't log in."),
                         NULL,
                         "ldapsearch '(mail=ADDRESS)', then take the address out of the wrong "
                         "entry with ldapmodify"},
    [EXPLAIN_OTHER_ENTRY] = {"other-entry", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                             "a login with this address gets another entry",
                             N_("This e-mail address belongs to another account. Please tell us an "
                                "address that only you use."),
                             NULL, "set another mail in one of the two entries with ldapmodify"},
    [EXPLAIN_OTHER_ADDRESS] =
        {"other-address", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "the account's e-mail address is another one than was asked for",
         N_("Your account is kept under another e-mail address. Please log in with that one."),
         NULL, "check who is calling before you name the address; 'portalctl show' has it"},
    [EXPLAIN_MALFORMED] = {"malformed", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                           "a value of the entry can't be understood",
                           N_("There is an error in how your account is recorded with us. We will "
                              "mend it and tell you; until then you can't log in."),
                           NULL,
                           "correct the attribute that is named with ldapmodify; 'portalctl lint' "
                           "finds all such entries"},
    [EXPLAIN_MALFORMED_ELSE] =
        {"malformed-elsewhere", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
         "a value of the entry can't be understood; logging in doesn't need it, all else does",
         N_("You can log in. Something else in our records of your account has an error, which we "
            "will mend."),
         NULL, "correct the attribute that is named with ldapmodify"},
    [EXPLAIN_PROVISIONED] = {"not-registered", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                             "the customer hasn't registered",
                             N_("You haven't registered yet. Please do so with your policy number, "
                                "your date of birth and your e-mail address."),
                             NULL, "'portalctl register', or the customer does it on the web"},
    [EXPLAIN_LINK_RUNNING] =
        {"link-sent", EXPLAIN_REFUSED, EXPLAIN_NAMES_TIME,
         "the confirmation mail was sent; the link wasn't pressed",
         N_("We have sent you an e-mail with a link. Please open it and press the button by %s. If "
            "you don't see the e-mail, please look in the folder for unwanted mail, too."),
         NULL,
         "'portalctl confirmation' sends another link, and so does registering again; all work"},
    [EXPLAIN_LINK_WAITING] =
        {"link-not-accepted", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "the mail server hasn't accepted the confirmation mail yet",
         N_("The e-mail with your link is waiting to be delivered. We keep trying; please also "
            "check that the e-mail address is spelt correctly."),
         NULL, "'portalctl queue list WHO' shows the job, 'portalctl queue retry ID' tries it now"},
    [EXPLAIN_LINK_BOUNCED] =
        {"link-bounced", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING, "the confirmation mail came back",
         N_("The e-mail with your link came back to us. Please check the e-mail address and "
            "register again."),
         NULL,
         "the reason is in the mail's note; the customer registers again with the right address"},
    [EXPLAIN_LINK_FAILED] =
        {"link-not-sent", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "the confirmation mail couldn't be sent",
         N_("We couldn't deliver the e-mail with your link. Please check the e-mail address and "
            "register again."),
         NULL,
         "the reason is in the mail's note; 'portalctl queue retry ID' tries a failed mail again"},
    [EXPLAIN_LINK_EXPIRED] =
        {"link-expired", EXPLAIN_REFUSED, EXPLAIN_NAMES_TIME, "the link wasn't pressed in time",
         N_("The link that we mailed to you was valid until %s. Please "
            "register again; you will receive a new one."),
         NULL, "'portalctl confirmation' sends another link; or the customer registers again"},
    [EXPLAIN_LINK_NEVER] =
        {"link-missing", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "the account waits for a confirmation, but there is no link",
         N_("There is no confirmation e-mail on its way to you. Please register again."), NULL,
         "the customer registers again"},
    [EXPLAIN_MAIL_MISSING] = {"mail-missing", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                              "the entry has no e-mail address to log in with",
                              N_("Your account has no e-mail address at the moment, so you can't "
                                 "log in. We will enter it once we have checked who you are."),
                              NULL, "set mail with ldapmodify after checking who is calling"},
    [EXPLAIN_MAIL_UNFIT] = {"mail-unfit", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                            "what is in mail isn't an address that can be typed to log in",
                            N_("The e-mail address in our records has an error, so you can't log "
                               "in. We will correct it once we have checked who you are."),
                            NULL, "correct mail with ldapmodify after checking who is calling"},
    [EXPLAIN_SLAPD_LOCKED] =
        {"slapd-locked", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "slapd's password policy has locked the entry",
         N_("After very many failed attempts your account is blocked. We can lift that once we "
            "have checked who you are."),
         "unblock", "check who is calling, then 'portalctl unblock', which lifts that lock, too"},
    [EXPLAIN_LETTER_QUEUED] = {"letter-not-printed", EXPLAIN_HINDERED, EXPLAIN_NAMES_NOTHING,
                               "the letter with the initial password isn't printed yet",
                               N_("Your letter with the initial password hasn't been printed yet. "
                                  "It will be posted in the next days."),
                               NULL,
                               "'portalctl letters list' shows what waits for the print station"},
    [EXPLAIN_LETTER_HELD] =
        {"letter-waits", EXPLAIN_HINDERED, EXPLAIN_NAMES_DAY,
         "the letter waits, because the postal address has changed",
         N_("Your postal address has changed, and we have told you so by e-mail. For your safety "
            "the letter with the initial password is printed on %s at the earliest."),
         NULL, "[rules] address_wait; it goes out by itself"},
    [EXPLAIN_LETTER_PRINTED] = {"letter-printed", EXPLAIN_HINDERED, EXPLAIN_NAMES_NOTHING,
                                "the letter is printed, but not reported as posted",
                                N_("Your letter with the initial password has been printed and is "
                                   "about to be posted. It should arrive within a few days."),
                                NULL, "'portalctl letters posted BATCH' once it is in the post"},
    [EXPLAIN_LETTER_POSTED] =
        {"letter-posted", EXPLAIN_HINDERED, EXPLAIN_NAMES_DAY, "the letter is in the post",
         N_("Your letter with the initial password is in the post and should arrive by %s."), NULL,
         "wait until then"},
    [EXPLAIN_LETTER_DUE] =
        {"letter-arrived", EXPLAIN_TOLD, EXPLAIN_NAMES_DAY,
         "the letter was posted and should have arrived",
         N_("We posted your letter with the initial password on %s. If you don't find it, please "
            "tell us: we will then send a new one."),
         "letter", "check the postal address first; the old initial password ends with it"},
    [EXPLAIN_LETTER_UNSURE] =
        {"letter-uncertain", EXPLAIN_HINDERED, EXPLAIN_NAMES_NOTHING,
         "nobody knows whether the letter was printed",
         N_("We are finding out whether your letter with the initial password was printed. If "
            "nothing arrives within a week, please call again."),
         NULL,
         "the mailroom looks, then 'portalctl letters printed ID' or 'portalctl letters again ID'"},
    [EXPLAIN_LETTER_RETURNED] =
        {"letter-returned", EXPLAIN_REFUSED, EXPLAIN_NAMES_DAY,
         "the letter came back; its initial password is void",
         N_("Your letter came back to us on %s, so its initial password is no longer valid. Please "
            "tell us your postal address; we will then send a new letter."),
         "letter", "correct postalAddress with ldapmodify first"},
    [EXPLAIN_LETTER_MISSING] =
        {"letter-missing", EXPLAIN_HINDERED, EXPLAIN_NAMES_NOTHING,
         "no letter with an initial password is on its way",
         N_("At the moment no letter is on its way to you. We will send you one."), "letter", NULL},
    [EXPLAIN_INITIAL] = {"initial-password", EXPLAIN_TOLD, EXPLAIN_NAMES_TIME,
                         "the initial password works, then a personal one must be chosen",
                         N_("Once you have your letter, please log in with your e-mail address and "
                            "the initial password in it, by %s. You will then choose a password of "
                            "your own."),
                         NULL, NULL},
    [EXPLAIN_EXPIRED] = {"initial-password-expired", EXPLAIN_REFUSED, EXPLAIN_NAMES_TIME,
                         "the initial password has ended",
                         N_("Your initial password was valid until %s. We will gladly send you a "
                            "letter with a new one."),
                         "letter", NULL},
    [EXPLAIN_PERSONAL] =
        {
            "personal-password", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
            "the customer has chosen a personal password",
            N_("Please log in with your e-mail address and the password that you have chosen "
               "yourself. The initial password from the letter isn't valid any more."),
            NULL, "password and PUK lost: check who is calling, then 'portalctl restart'"},
    [EXPLAIN_LOCKED] = {"locked", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING, "the account is locked",
                        N_("Your account is locked for your protection. We can unlock it once we "
                           "have checked who you are."),
                        "unlock", "who locked it and why stands here; check who is calling"},
    [EXPLAIN_CLOSED] = {"closed", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
                        "the account is closed: the contract is over",
                        N_("Your account is closed because the contract has ended. If that isn't "
                           "right, we will look into it."),
                        "reopen", "only if the contract goes on"},
    [EXPLAIN_CLIENT_FULL] =
        {
            "client-throttled", EXPLAIN_WAITING, EXPLAIN_NAMES_END,
            "too many different names failed from this network address",
            N_("From your connection there were failed attempts with many different names. For "
               "everybody's protection nothing is checked from there until %s. Please try again "
               "then, "
               "or from another connection."),
            NULL, "[limits] names_per_client; it ends by itself"},
    [EXPLAIN_PASSWORD_WAITING] =
        {"password-throttled", EXPLAIN_WAITING, EXPLAIN_NAMES_END,
         "too many wrong passwords: nothing is checked until then",
         N_(
             "After several failed attempts nothing is checked until %s, not even the right "
             "password. Please wait until then and type it slowly."),
         "unblock", NULL},
    [EXPLAIN_PASSWORD_BLOCKED] =
        {"password-blocked", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
         "too many wrong passwords in a row: blocked",
         N_(
             "After very many failed attempts logging in is blocked. We can lift that once we have "
             "checked who you are. Or you choose a new password with the PUK from your letter."),
         "unblock", NULL},
    [EXPLAIN_CODE_WAITING] =
        {"code-throttled", EXPLAIN_WAITING, EXPLAIN_NAMES_END,
         "too many wrong codes of the app: none is checked until then",
         N_(
             "After several wrong codes none is checked until %s. Please wait until then; also "
             "check that your phone sets its clock by itself."),
         "unblock", NULL},
    [EXPLAIN_CODE_BLOCKED] =
        {
            "code-blocked", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
            "too many wrong codes of the app in a row: blocked",
            N_("After very many wrong codes no more are accepted. Please enter the PUK from your "
               "letter "
               "instead of the code; or we lift that once we have checked who you are."),
            "unblock", "phone lost: 'portalctl totp-off'"},
    [EXPLAIN_PUK_WAITING] = {"puk-throttled", EXPLAIN_TOLD, EXPLAIN_NAMES_END,
                             "too many wrong PUKs: none is checked until then",
                             N_("After several wrong PUKs none is checked until %s. Please wait "
                                "until then, and compare what you type with your latest letter."),
                             "unblock", NULL},
    [EXPLAIN_PUK_BLOCKED] = {"puk-blocked", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
                             "too many wrong PUKs in a row: blocked",
                             N_("After very many wrong PUKs your PUK is blocked. We can send you a "
                                "letter with a new one."),
                             "unblock", "'portalctl letter' for a new PUK"},
    [EXPLAIN_FAILURES] = {"failures", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
                          "some attempts failed; they don't stop anything yet",
                          N_("There were some failed attempts. Please check capital letters and "
                             "the layout of the keyboard."),
                          NULL, NULL},
    [EXPLAIN_TOTP] = {"code-needed", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
                      "after the password a code of the authenticator app is needed",
                      N_("After the password, please enter the six-digit code that your app shows. "
                         "If you have lost the phone, enter the PUK from your letter instead."),
                      NULL, "phone and PUK lost: check who is calling, then 'portalctl totp-off'"},
    [EXPLAIN_TOTP_UNREADABLE] =
        {
            "code-unreadable", EXPLAIN_REFUSED, EXPLAIN_NAMES_NOTHING,
            "the secret of the authenticator app can't be opened",
            N_("Because of an error on our side the code of your app can't be checked. We will "
               "switch "
               "it off; please set it up again afterwards."),
            "totp-off",
            "first look whether a key is missing in [keys] totp: then others are concerned, too"},
    [EXPLAIN_MAILED_CODE] =
        {"recovery-code", EXPLAIN_TOLD, EXPLAIN_NAMES_TIME,
         "a code for a forgotten password was mailed",
         N_(
             "We have mailed you a code for choosing a new password. It is valid until %s; please "
             "enter it together with the PUK from your letter."),
         NULL, NULL},
    [EXPLAIN_MAILED_WAITING] = {"recovery-throttled", EXPLAIN_TOLD, EXPLAIN_NAMES_END,
                                "too many wrong mailed codes: none is checked until then",
                                N_("After several wrong codes none is checked until %s. Please "
                                   "wait until then, and use the code of the latest e-mail."),
                                "unblock", NULL},
    [EXPLAIN_PUK] = {"puk", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
                     "a forgotten password can be replaced by the customer, with the PUK",
                     N_("If you have forgotten your password, you can choose a new one: with the "
                        "PUK from your latest letter and a code that we send you by e-mail."),
                     NULL, NULL},
    [EXPLAIN_PUK_SENT] =
        {"puk-sent", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING, "a letter with a PUK is on its way",
         N_(
             "A letter with your PUK is on its way to you; PUKs from earlier letters aren't valid "
             "any more. You need it only if you forget your password or lose your phone."),
         NULL, "'portalctl letters list' shows what waits for the print station"},
    [EXPLAIN_PUK_MISSING] = {"puk-missing", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
                             "there is no PUK: a forgotten password can't be replaced",
                             N_("You have no PUK at the moment. You can log in, but would need it "
                                "if you forgot your password. We will send you one by post."),
                             "letter", NULL},
    [EXPLAIN_PUK_RETURNED] =
        {"puk-returned", EXPLAIN_TOLD, EXPLAIN_NAMES_DAY,
         "the letter with the PUK came back; the PUK is void",
         N_(
             "The letter with your PUK came back to us on %s, so that PUK isn't valid. Please tell "
             "us your postal address; we will then send a new one."),
         "letter", "correct postalAddress with ldapmodify first"},
    [EXPLAIN_BOUNCING] = {"mail-failed", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
                          "the last e-mail to the customer wasn't delivered",
                          N_("Our last e-mail to you could not be delivered. Please check whether "
                             "your mailbox is full and the address still right."),
                          NULL, "the reason is in the mail's note"},
    [EXPLAIN_KNOWN_CLIENT] =
        {"known-client", EXPLAIN_TOLD, EXPLAIN_NAMES_NOTHING,
         "the customer has logged in from this network address before: it has counters of its own",
         N_(
             "You have logged in from this connection before, so failed attempts from elsewhere "
             "don't stop you."),
         NULL, NULL},
};
