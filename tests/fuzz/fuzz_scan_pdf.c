/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_pdf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_pdf pdf;

	if (scan_pdf_read((const char *)data, size, &pdf))
		MUST(pdf.inflated_bytes <= SCAN_PDF_INFLATED_MAX);
	return 0;
}
