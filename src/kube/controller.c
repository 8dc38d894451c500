#include "kube/controller.h"
