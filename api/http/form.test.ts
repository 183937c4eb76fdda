import { Readable } from 'node:stream'
import test from 'ava'
import fc from 'fast-check'
import { apiStage } from '../../test/support/api-stage.ts'
import { twoTierCode } from '../../test/support/stored-job.ts'
import { readForm } from './form.ts'

const boundary = 'b0und'
const type = `multipart/form-data; boundary=${boundary}`
const end = `--${boundary}--\r\n`
const zip = 'Z\r\n--b0un\r\n--\r\n\0IP'

function part(disposition: string, content: string, headers = ''): string {
  return `--${boundary}\r\n${headers}Content-Disposition: ${disposition}\r\n\r\n${content}\r\n`
}

const name = part('form-data; name="fileName"', 'größe.zip')
const file = part('form-data; name="fileData"; filename="c.zip"', zip, 'Content-Type: application/zip\r\n')

/** Reads a form that comes in chunks of so many bytes. */
function read(contentType: string, body: string | Buffer, chunkBytes = 1_000_000) {
  const bytes = Buffer.from(body)
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
    bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
  )
  const request = Object.assign(Readable.from(chunks), { headers: { 'content-type': contentType } })
  return readForm(request, { bytes: 1_000_000, stallMs: 10_000 }, ['fileData'])
}

const written: readonly [string, string, string | Buffer][] = [
  ['quoted names', type, name + file + end],
  [
    'names without quotes, and filename*',
    type,
    part('form-data; name=fileName', 'größe.zip', 'Content-Type: text/plain; charset=utf-8\r\n') +
      part("form-data; name=fileData; filename=c.zip; filename*=utf-8''c%20.zip", zip) +
      end,
  ],
  ['filename* alone', type, name + part('form-data; name="fileData"; filename*=UTF-8\'\'c%20d.zip', zip) + end],
  ['the name after the file name', type, name + part('form-data; filename="a;b\\".zip"; name="fileData"', zip) + end],
  ['a file without a file name', type, name + part('form-data; name="fileData"', zip) + end],
  ['the file first', type, file + name + end],
  ['a preamble', type, `a preamble\r\nof lines\r\n--${boundary}x\r\n${name}${file}${end}`],
  ['a preamble that ends with LF alone', type, `a preamble\n${name}${file}${end}`],
  ['an empty line first', type, `\r\n${name}${file}${end}`],
  ['an epilogue', type, `${name}${file}${end}an epilogue\r\n${name}`],
  ['no line end at its end', type, `${name}${file}--${boundary}--`],
  [
    'padding after delimiters',
    type,
    `${name}${file}${end}`.replaceAll(`${boundary}\r\n`, `${boundary} \t \r\n`).replace(/--\r\n$/, '--  \r\n'),
  ],
  ['a quoted boundary', `multipart/form-data; boundary="${boundary}"`, name + file + end],
  ['a charset before the boundary', `Multipart/Form-Data; charset="utf-8"; Boundary=${boundary}`, name + file + end],
  ['a charset after the boundary', `${type};charset=UTF-8`, name + file + end],
  ['small letters in headers', type, `${name}${file}${end}`.replaceAll('Content-D', 'content-d')],
  ['no spaces', type, `${name}${file}${end}`.replaceAll('Content-Disposition: ', 'Content-Disposition:')],
  ['folded headers', type, name + part('form-data;\r\n name="fileData";\r\n\tfilename="c.zip"', zip) + end],
  [
    'an encoding that changes nothing',
    type,
    name + part('form-data; name="fileData"', zip, 'Content-Transfer-Encoding: binary\r\n') + end,
  ],
  [
    'a text in another charset',
    type,
    Buffer.from(
      part('form-data; name="fileName"', 'größe.zip', 'Content-Type: text/plain; charset=iso-8859-1\r\n') + file + end,
      'latin1',
    ),
  ],
]
for (const [title, contentType, body] of written)
  test(`a form with ${title} is read the same, however it is cut on its way`, async (t) => {
    const expected = { fileName: 'größe.zip', fileData: Buffer.from(zip) }
    for (const chunkBytes of [1, 2, 7, 64, 1_000_000]) {
      const { fileName, fileData } = await read(contentType, body, chunkBytes)
      t.deepEqual({ fileName, fileData }, expected, `in chunks of ${chunkBytes}`)
    }
  })

const refused: readonly [string, string, string, RegExp][] = [
  ['no boundary', 'multipart/form-data', name + file + end, /names no boundary/],
  ['a boundary of other characters', 'multipart/form-data; boundary="ä"', '', /its boundary is "ä"/],
  ['another boundary', 'multipart/form-data; boundary=other', name + file + end, /none of its lines is "--other"/],
  ['nothing in it', type, '', /none of its lines/],
  ['no last delimiter', type, name + file, /without its last delimiter "--b0und--"/],
  ['an end within a part', type, (name + file).slice(0, -8), /without its last delimiter/],
  ['an end within headers', type, `${name}--${boundary}\r\nContent-Dispo`, /without its last delimiter/],
  ['something after a delimiter', type, `${name}--${boundary}junk\r\n${end}`, /"j.*" stands after a delimiter/],
  ['lines that end with LF alone', type, (name + file + end).replaceAll('\r\n', '\n'), /end with LF alone/],
  ['a part without a disposition', type, `${name}--${boundary}\r\nX: y\r\n\r\nz\r\n${end}`, /1 of its 2 parts/],
  ['a part of another disposition', type, name + part('attachment; name="a"', 'x') + end, /1 of its 2 parts/],
  ['a header that is none', type, name + part('form-data; name="a"', 'x', 'none\r\n') + end, /1 of its 2 parts/],
  ['a header without an end', type, `${name}--${boundary}\r\nContent-Disposition: form-data; name=a\r\n${end}`, /1 of/],
  [
    'headers that are too large',
    type,
    name + part('form-data; name="a"', 'x', `X: ${'x'.repeat(20_000)}\r\n`) + end,
    /1 of/,
  ],
  ['a part without a name', type, name + part('form-data; filename="c"', 'x') + end, /has no name/],
  ['a field twice', type, name + name + file + end, /its field fileName is there twice/],
  ['a file twice', type, name + file + file + end, /its field fileData is there twice/],
  [
    'a text that is too large',
    type,
    part('form-data; name="fileName"', 'x'.repeat(70_000)) + end,
    /more than 65536 bytes/,
  ],
  ['too many parts', type, name.repeat(30) + end, /more than 20 parts/],
  [
    'a file in base64',
    type,
    name + part('form-data; name="fileData"', 'AAAA', 'Content-Transfer-Encoding: base64\r\n') + end,
    /fileData is encoded as base64/,
  ],
]
for (const [title, contentType, body, message] of refused)
  test(`a form with ${title} is refused, and the message names it`, async (t) => {
    for (const chunkBytes of [1, 7, 1_000_000])
      await t.throwsAsync(read(contentType, body, chunkBytes), { code: 'API_FORM', message }, `chunks of ${chunkBytes}`)
  })

test('a field of any name is read under that name', async (t) => {
  const fields = await read(type, part('form-data; name="__proto__"', 'x') + end)
  t.deepEqual(Object.entries(fields), [['__proto__', 'x']])
})

test('any file is read to the same bytes, cut anywhere', async (t) => {
  const pieces = fc.constantFrom('\r\n', '--', boundary, `\r\n--${boundary.slice(0, 3)}`, '\0', ' ', 'z', '\n')
  const property = fc.asyncProperty(fc.array(pieces, { maxLength: 40 }), fc.nat({ max: 50 }), async (content, cut) => {
    const whole = content.join('')
    fc.pre(!`\r\n${whole}\r\n`.includes(`\r\n--${boundary}`))
    const { fileData } = await read(type, part('form-data; name="fileData"', whole) + end, cut + 1)
    t.deepEqual(fileData, Buffer.from(whole))
  })
  await fc.assert(property, { numRuns: 300 })
})

test('code comes in a form as .NET writes it, and a malformed form is a 400 that says what is wrong', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', '/users/u/designs', { id: 'd' })
  const send = (ending: string) =>
    fetch(`${api.url}/users/u/designs/d/code`, {
      method: 'PUT',
      headers: { 'content-type': `multipart/form-data; boundary="${boundary}"`, accept: 'application/problem+json' },
      body: Buffer.concat([
        Buffer.from(part('form-data; name=fileName', 'c.zip', 'Content-Type: text/plain; charset=utf-8\r\n')),
        Buffer.from(part("form-data; name=fileData; filename=c.zip; filename*=utf-8''c.zip", '').slice(0, -2)),
        twoTierCode,
        Buffer.from(ending),
      ]),
    })
  const short = await send('')
  t.is(short.status, 400)
  t.regex(await short.text(), /"code":"API_FORM".*last delimiter|last delimiter.*"code":"API_FORM"/)
  t.is((await send(`\r\n${end}`)).status, 200)
  t.deepEqual((await api.call('GET', '/users/u/designs/d/code')).body, Uint8Array.from(twoTierCode))
})
