/* The generator's command line. */
#ifndef RONDO_BENCH_OPTIONS_H
#define RONDO_BENCH_OPTIONS_H

#include "load.h"

/* Fills in defaults and what the arguments say; when they are wrong, prints usage and exits. */
void options_parse(struct options *options, int count, char **arguments);

#endif
