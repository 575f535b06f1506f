/* Message ids of the journal; systemd/portal.catalog explains each to an operator. */
#pragma once

#define MESSAGE_STARTED          "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a01" /* portald is ready */
#define MESSAGE_STOPPED          "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a02"
#define MESSAGE_STATE            "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a03" /* of an account: old → new */
#define MESSAGE_LOGIN_FAILED     "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a04"
#define MESSAGE_THROTTLED        "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a05"
#define MESSAGE_REGISTRATION     "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a06" /* how one ended */
#define MESSAGE_MAIL_SENT        "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a07"
#define MESSAGE_MAIL_DEFERRED    "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a08"
#define MESSAGE_MAIL_FAILED      "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a09" /* given up */
#define MESSAGE_LETTER           "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a0a" /* its state changed */
#define MESSAGE_LETTER_UNCERTAIN "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a0b" /* claimed; perhaps printed */
#define MESSAGE_DIRECTORY_LOST   "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a0c"
#define MESSAGE_DIRECTORY_BACK   "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a0d"
#define MESSAGE_QUEUE_TROUBLE    "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a0e" /* disk full, damaged, … */
#define MESSAGE_NOT_ME           "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a0f"
#define MESSAGE_CONFIGURATION    "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a10" /* something wrong in a file */
#define MESSAGE_RECOVERY         "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a11" /* a forgotten password: its steps */
#define MESSAGE_TOTP             "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a12" /* set up, or removed */
#define MESSAGE_TOTP_KEY         "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a13" /* a secret that can't be opened */
#define MESSAGE_WISH             "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a14" /* of an administrator, fulfilled */
#define MESSAGE_BOUNCE           "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a15" /* what came back for a mail */
#define MESSAGE_WISH_FAILED      "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a16" /* impossible, or not understood */
#define MESSAGE_WATCHER_LOST     "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a17" /* wishes aren't seen meanwhile */
#define MESSAGE_WATCHER_BACK     "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a18"
#define MESSAGE_SERVER_LOST      "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a19" /* one of several */
#define MESSAGE_SERVER_BACK      "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a1a"
#define MESSAGE_SERVER_SWITCHED  "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a1b" /* in use: old → new */
#define MESSAGE_SESSIONS         "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a1e" /* all ended, by their customer */
#define MESSAGE_MAIL_CHANGED                                                                       \
    "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a1d"                  /* by somebody else than portald           \
                                                         */
#define MESSAGE_ROLE "3f0b9c1e5a8d4d0f9a7c2f6f1d5e8a1c" /* administrators or support asked */
