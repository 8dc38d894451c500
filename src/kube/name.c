#include "kube/name.h"
