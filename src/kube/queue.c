#include "kube/queue.h"
