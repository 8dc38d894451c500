#include "kube/lease.h"
