#include "kube/http.h"
