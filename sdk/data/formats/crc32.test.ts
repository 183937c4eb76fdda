import { gzipSync } from 'node:zlib'
import test from 'ava'
import * as fc from 'fast-check'
import { crc32 } from './crc32.ts'

test('the check sum is the one that gzip writes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      t.is(crc32(bytes), gzipSync(bytes).readUInt32LE(gzipSync(bytes).length - 8))
    }),
  )
})
