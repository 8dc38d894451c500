#include "kube/metrics.h"
