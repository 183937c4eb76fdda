import type { TestFn } from 'ava'
import fc from 'fast-check'
import { compareKeys } from '../keys.ts'
import type { DocumentFields, Documents, FindOptions } from '../store.ts'
import { all, type OpenStore } from './store-under-test.ts'

async function ids(documents: Documents, collection: string, options?: FindOptions): Promise<string[]> {
  return (await all(documents.find(collection, options))).map(({ id }) => id)
}

/** JSON as every store keeps it. */
const fields: fc.Arbitrary<DocumentFields> = fc
  .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ noUnicodeString: false }))
  .map((value): DocumentFields => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')))

const id = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 90 })
  .filter((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text))

export function documentContract(test: TestFn, open: OpenStore): void {
  test('documents are inserted all or none, with version 1', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    await documents.insert('jobs', [{ id: 'a', fields: { name: 'first' } }])
    await documents.insert('jobs', [])
    const twice = [
      { id: 'b', fields: {} },
      { id: 'b', fields: {} },
    ]
    await t.throwsAsync(documents.insert('jobs', twice), { code: 'STORE_EXISTS' })
    const taken = [
      { id: 'c', fields: {} },
      { id: 'a', fields: {} },
    ]
    await t.throwsAsync(documents.insert('jobs', taken), { code: 'STORE_EXISTS' })
    t.deepEqual(await all(documents.find('jobs')), [{ id: 'a', version: 1, fields: { name: 'first' } }])
    await documents.insert('tasks', [{ id: 'a', fields: { other: true } }])
    t.deepEqual((await documents.get('jobs', 'a'))?.fields, { name: 'first' })
    t.is(await documents.get('jobs', 'c'), undefined)
  })

  test('a replacement names the present version; another, or a missing document, is refused', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    await documents.insert('jobs', [{ id: 'a', fields: { state: 'ready' } }])
    t.is(await documents.replace('jobs', 'a', 1, { state: 'running' }), 2)
    for (const expected of [0, 1, 3])
      await t.throwsAsync(documents.replace('jobs', 'a', expected, {}), { code: 'STORE_VERSION' })
    for (const expected of [0, 1])
      await t.throwsAsync(documents.replace('jobs', 'none', expected, {}), { code: 'STORE_VERSION' })
    t.deepEqual(await documents.get('jobs', 'a'), { id: 'a', version: 2, fields: { state: 'running' } })
    t.true(await documents.remove('jobs', 'a'))
    t.false(await documents.remove('jobs', 'a'))
    t.is(await documents.get('jobs', 'a'), undefined)
    await documents.insert('jobs', [{ id: 'a', fields: {} }])
    t.is((await documents.get('jobs', 'a'))?.version, 1)
  })

  test('find compares top-level fields exactly, and begins after an id', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    await documents.insert('c', [
      { id: '1', fields: { state: 'ready', count: 1, deep: { state: 'x' } } },
      { id: '2', fields: { state: 'ready', count: '1', flag: null } },
      { id: '3', fields: { state: 'done', count: 1, flag: false } },
    ])
    t.deepEqual(await ids(documents, 'c', { where: { state: 'ready' } }), ['1', '2'])
    t.deepEqual(await ids(documents, 'c', { where: { state: 'ready', count: 1 } }), ['1'])
    t.deepEqual(await ids(documents, 'c', { where: { count: '1' } }), ['2'])
    t.deepEqual(await ids(documents, 'c', { where: { flag: null } }), ['2'])
    t.deepEqual(await ids(documents, 'c', { where: { flag: false } }), ['3'])
    t.deepEqual(await ids(documents, 'c', { where: { deep: 'x' } }), [])
    t.deepEqual(await ids(documents, 'c', { where: { toString: 'x' } }), [])
    t.deepEqual(await ids(documents, 'c', { after: '1' }), ['2', '3'])
    t.deepEqual(await ids(documents, 'c', { after: '11', limit: 1 }), ['2'])
    t.deepEqual(await ids(documents, 'c', { where: { count: 1 }, after: '1', limit: 5 }), ['3'])
    t.deepEqual(await ids(documents, 'c', { limit: 0 }), [])
    t.deepEqual(await ids(documents, 'none'), [])
  })

  test('find lists by the UTF-8 bytes of the ids, also beyond the basic plane, in pages that join', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    let collection = 0
    const property = fc.asyncProperty(fc.uniqueArray(id, { maxLength: 12 }), async (some) => {
      const name = `c${collection++}`
      const given = [...new Set([...some, '\u{1f600}', '\uffff', '\ue000', '\u{10ffff}', '\u{10ffff}z', 'z', 'é', 'e'])]
      await documents.insert(
        name,
        given.map((one) => ({ id: one, fields: {} })),
      )
      const sorted = given.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      t.deepEqual(given.toSorted(compareKeys), sorted)
      t.deepEqual(await ids(documents, name), sorted)
      const paged: string[] = []
      for (;;) {
        const after = paged.at(-1)
        const page = await ids(documents, name, after === undefined ? { limit: 3 } : { after, limit: 3 })
        if (page.length === 0) break
        paged.push(...page)
      }
      t.deepEqual(paged, sorted)
    })
    await fc.assert(property, { numRuns: 30 })
  })

  test('a find gives each document once at most while others change them', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    const many = Array.from({ length: 300 }, (_, i) => ({ id: String(i).padStart(3, '0'), fields: { i } }))
    await documents.insert('c', many)
    const seen: string[] = []
    for await (const { id: found, version } of documents.find('c')) {
      seen.push(found)
      if (seen.length % 50 !== 0 || seen.length > 250) continue
      await documents.replace('c', found, version, { i: -1 })
      await documents.remove('c', '299')
      await documents.insert('c', [{ id: `${found}+`, fields: {} }])
    }
    t.is(new Set(seen).size, seen.length)
    for (const { id: kept } of many.slice(0, 299)) t.true(seen.includes(kept), kept)
  })

  test('fields come back as they were given, and are nobody else’s', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    let number = 0
    const property = fc.asyncProperty(fields, async (given) => {
      const name = `d${number++}`
      await documents.insert('c', [{ id: name, fields: given }])
      t.deepEqual(await documents.get('c', name), { id: name, version: 1, fields: given })
    })
    await fc.assert(property, { numRuns: 50 })
    for (const inherited of ['toString', 'constructor', 'valueOf', 'hasOwnProperty']) {
      const given = { [inherited]: [{ a: 1 }], inner: { [inherited]: [{ [inherited]: [{}] }] } }
      await documents.insert('c', [{ id: inherited, fields: given }])
      t.deepEqual((await documents.get('c', inherited))?.fields, given)
    }
    const list = [1]
    await documents.insert('c', [{ id: 'list', fields: { list } }])
    list.push(2)
    const found = await documents.get('c', 'list')
    if (Array.isArray(found?.fields.list)) found.fields.list.push(3)
    t.deepEqual((await documents.get('c', 'list'))?.fields, { list: [1] })
  })

  test('what is no JSON is refused', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    await documents.insert('c', [{ id: 'a', fields: {} }])
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '\ud800']) {
      await t.throwsAsync(documents.insert('c', [{ id: 'b', fields: { deep: [value] } }]), { code: 'STORE_VALUE' })
      await t.throwsAsync(documents.replace('c', 'a', 1, { value }), { code: 'STORE_VALUE' })
    }
    t.deepEqual(await all(documents.find('c')), [{ id: 'a', version: 1, fields: {} }])
    await documents.replace('c', 'a', 1, { zero: -0 })
    t.true(Object.is((await documents.get('c', 'a'))?.fields.zero, 0))
  })
}
