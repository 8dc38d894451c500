#include "kube/plan.h"
