/* Entry for libFuzzer; one program a reader, named by FUZZ_READER. */
#include <stdlib.h>
#include <string.h>

#include "readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fuzz_reader *r = fuzz_readers;
    while (strcmp(r->name, FUZZ_READER))
        r++;
    if (r->run(data, size) < 0)
        abort(); /* refused without a word */
    return 0;
}
