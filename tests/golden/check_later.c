/* Files that golden-check knows and the program cannot check yet. */
#include "golden.h"

<<<<<<< HEAD
const golden_family check_later[] = {{"bank.safetensors", 0, 0},
                                     {"cfg.safetensors", 0, 0},
                                     {"cifar_resnet.safetensors", 0, 0},
                                     {"convnext*.safetensors", 0, 0},
                                     {"dinov2.safetensors", 0, 0},
                                     {"drift_loss_*.safetensors", 0, 0},
                                     {"eval.safetensors", 0, 0},
                                     {"field_torch.safetensors", 0, 0},
                                     {"inception.safetensors", 0, 0},
                                     {"ldf.safetensors", 0, 0},
                                     {"mae_*.safetensors", 0, 0},
                                     {"post.safetensors", 0, 0},
                                     {"resnet*.safetensors", 0, 0},
                                     {"rng.safetensors", 0, 0},
                                     {"sdvae*.safetensors", 0, 0},
                                     {"toy.safetensors", 0, 0},
                                     {"trainstep_*.safetensors", 0, 0},
                                     {0}};
=======
const golden_family check_later[] = {
    {"cifar_resnet.safetensors", 0, 0}, {"convnext*.safetensors", 0, 0},
    {"dinov2.safetensors", 0, 0},       {"eval.safetensors", 0, 0},
    {"field_torch.safetensors", 0, 0},  {"forms.safetensors", 0, 0},
    {"inception.safetensors", 0, 0},    {"ldf.safetensors", 0, 0},
    {"mae_*.safetensors", 0, 0},        {"post.safetensors", 0, 0},
    {"resnet*.safetensors", 0, 0},      {"rng.safetensors", 0, 0},
    {"sdvae*.safetensors", 0, 0},       {0}};
>>>>>>> ffd532d (golden-check: drift_loss, toy, cfg, bank, the encoder-free families of a step)
