/* Facts of the build. base/build_facts.h is written by make: the revision and
 * the options, which no source knows. */
#include "base/build.h"

#include <archive.h>
#include <jansson.h>
#include <png.h>
#include <xxhash.h>
#include <zlib.h>
#ifdef HAVE_CAIRO
#include <cairo.h>
#endif
#ifdef HAVE_GIF
#include <gif_lib.h>
#endif
#ifdef HAVE_JPEG
#include <stdio.h> /* jpeglib.h needs it */

#include <jpeglib.h>
#endif
#ifdef HAVE_MSGPACK
#include <msgpack.h>
#endif

#include "base/build_facts.h"

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *build_revision(void)
{
    return BUILD_REVISION;
}

const char *build_compiler(void)
{
#if defined(__clang__)
    return __VERSION__; /* "Clang 14.0.6" or so: names itself */
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

const char *build_options(void)
{
    return BUILD_OPTIONS;
}

const char *build_libraries(void)
{
    return "jansson " JANSSON_VERSION ", libpng " PNG_LIBPNG_VER_STRING
           ", libarchive " ARCHIVE_VERSION_ONLY_STRING ", zlib " ZLIB_VERSION
           ", xxHash " TEXT(XXH_VERSION_MAJOR) "." TEXT(XXH_VERSION_MINOR) "." TEXT(
               XXH_VERSION_RELEASE) ", libyaml " YAML_VERSION
#ifdef HAVE_CAIRO
                                    ", cairo " CAIRO_VERSION_STRING
#endif
#ifdef HAVE_GIF
                                    ", giflib " TEXT(GIFLIB_MAJOR) "." TEXT(
                                        GIFLIB_MINOR) "." TEXT(GIFLIB_RELEASE)
#endif
#ifdef LIBJPEG_TURBO_VERSION
                                        ", libjpeg-turbo " TEXT(
                                            LIBJPEG_TURBO_VERSION)
#elif defined(HAVE_JPEG)
                                    ", libjpeg " TEXT(JPEG_LIB_VERSION)
#endif
#ifdef HAVE_MSGPACK
                                            ", msgpack-c " MSGPACK_VERSION
#endif
#ifdef HAVE_OPENCL
                                            ", OpenCL 1.2 with CLBlast"
#endif
#ifdef HAVE_LAPACK
                                            ", LAPACK"
#endif
#ifdef _OPENMP
                                            ", OpenMP " TEXT(_OPENMP)
#endif
                                                ;
}
