#include "kube/list.h"
