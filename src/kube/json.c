#include "kube/json.h"
