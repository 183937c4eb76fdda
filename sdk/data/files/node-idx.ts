import type { Examples } from '../examples.ts'
import { decodeIdx, decodeIdxHeader, decodeIdxLabels, idxHeaderBytes } from '../formats/idx.ts'
import { readBytes } from './node-file-content.ts'
import { type FileExamples, fileExamples, opening } from './node-file-examples.ts'
import { openPaged, type PageSettings } from './node-paged-file.ts'

const instead = 'read it with openIdx, which leaves the images in the file'

/**
 * Reads labelled examples from a pair of idx files of unsigned bytes, the format of MNIST.
 *
 * @throws DATA_FILE, DATA_CHANGED, DATA_IDX_MAGIC, DATA_IDX_SIZE, DATA_IDX_COUNT, with the file, the expected and the
 *   found content.
 */
export function readIdx(imagesFile: string | URL, labelsFile: string | URL): Examples {
  return decodeIdx(readBytes(imagesFile, instead), readBytes(labelsFile, instead))
}

/**
 * Opens the files that `readIdx` reads. The images stay in the file; the labels are in memory, a byte each.
 *
 * @throws as `readIdx`; in reading DATA_CHANGED, DATA_DAMAGED, DATA_FILE, DATA_CLOSED.
 */
export function openIdx(imagesFile: string | URL, labelsFile: string | URL, settings?: PageSettings): FileExamples {
  return opening(openPaged(imagesFile, settings), (pages) => {
    const header = new Uint8Array(Math.min(idxHeaderBytes(3), pages.size))
    pages.read(0, header)
    const { shape, dataOffset } = decodeIdxHeader(header, 3, pages.size, pages.file)
    const [count = 0, rows = 0, columns = 0] = shape
    const labels = decodeIdxLabels(readBytes(labelsFile, instead), count)
    return fileExamples({
      pages,
      count,
      shape: [rows, columns],
      type: { kind: 'u1', bigEndian: false },
      divisor: 255,
      start: dataOffset,
      strideBytes: rows * columns,
      label: (index) => labels[index] ?? 0,
    })
  })
}
