#include "kube/store.h"
