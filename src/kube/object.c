#include "kube/object.h"
