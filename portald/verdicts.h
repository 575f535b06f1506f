/* What portald says with a verdict where the handler has nothing of its own to say. */
#pragma once

#include "wire.h"

/* "" where no text goes with it. */
const char *text_verdict(const char *language, enum wire_verdict verdict);
