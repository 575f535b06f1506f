/* Authentication in one go: password and code come at once. */
#pragma once

#include "login.h"

void together_authenticate(struct login *login, enum wire_mode mode);
