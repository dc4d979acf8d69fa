# SPDX-License-Identifier: MIT
# Writes the words of the SPIR-V file INPUT as a C array NAME into the header OUTPUT.
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${hex}")
string(REGEX REPLACE "((0x[0-9a-f]+,)(0x[0-9a-f]+,)?(0x[0-9a-f]+,)?(0x[0-9a-f]+,)?(0x[0-9a-f]+,)?(0x[0-9a-f]+,)?(0x[0-9a-f]+,)?)" "\\1\n" words "${words}")
file(WRITE ${OUTPUT} "#include <stdint.h>\nstatic const uint32_t ${NAME}[] = {\n${words}};\n")
