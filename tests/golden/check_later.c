/* Files that golden-check knows and the program cannot check yet. */
#include "golden.h"

const golden_family check_later[] = {{"ldf.safetensors", 0, 0},
                                     {"rng.safetensors", 0, 0},
                                     {"sdvae*.safetensors", 0, 0},
                                     {0}};
