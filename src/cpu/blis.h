/* BLIS's header, wherever it lies. Only blis.c and gemm.c include this. */
#ifndef CPU_BLIS_H
#define CPU_BLIS_H

#ifdef HAVE_BLIS_BLIS_H
#include <blis/blis.h>
#else
#include <blis.h>
#endif

#endif
