#include "kube/recorder.h"
