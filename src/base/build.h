/* What this build is: recorded with every run, shown by drift-info. */
#ifndef BASE_BUILD_H
#define BASE_BUILD_H

const char *build_revision(void); /* of git, "-dirty" with local changes */
const char *build_compiler(void); /* "gcc 12.2.0" */
const char *build_options(void);  /* CFLAGS and CPPFLAGS */
/* "jansson 2.14, libpng 1.6.39, ...", the versions compiled against. */
const char *build_libraries(void);

#endif
