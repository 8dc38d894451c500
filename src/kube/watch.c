#include "kube/watch.h"
