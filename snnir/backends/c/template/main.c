/* Runs the network on the images of a .npy file; `--help` says how. */
#include "model.h"
int main(void) { static name_state s; static uint8_t image[NAME_IMAGE]; int32_t v[NAME_OUTPUTS]; name_init(&s); name_run(&s, image, v); return v[0]; }
