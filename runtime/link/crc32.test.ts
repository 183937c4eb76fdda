import { crc32 as reference } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { crc32 } from '../index.ts'

test('the check sum of any bytes, at any place of their buffer, is that of zlib', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(9), (bytes, from) =>
      t.is(crc32(bytes.subarray(from)), reference(bytes.subarray(from))),
    ),
  )
})
