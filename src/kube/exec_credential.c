#include "kube/exec_credential.h"
