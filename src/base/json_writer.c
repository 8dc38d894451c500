#include "base/json_writer.h"
