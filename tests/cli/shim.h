/* OpenCL that fails on request. Linked into a program, these functions stand
 * before the loader's, for the program and for CLBlast. */
#ifndef TESTS_CLI_SHIM_H
#define TESTS_CLI_SHIM_H

/* The n-th call from now on of the function so named (1 = the next) answers
 * `code`, once; with `lost` that and every later call that needs the device
 * does, or, where it is SHIM_GONE, every later one of this function. 0 switches
 * this off.
 *
 * Without a program's own word DRIFT_TEST_FAULT="NAME N CODE [lost|gone]" says the
 * same, and at the end what is left of buffers, queues and contexts goes to
 * standard error. DRIFT_TEST_GPU=1 makes GPUs of all devices, 0 of none. */
#define SHIM_LOST 1
#define SHIM_GONE 2
void shim_fail(const char *name, long n, int code, int lost);
/* What was left of n: 0 when the call has failed. */
long shim_left(void);
/* Buffers, queues and contexts that are not released. */
long shim_objects(void);

#endif
