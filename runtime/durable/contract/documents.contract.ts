import fc from 'fast-check'
import { memoryStore } from '../memory-store.ts'
import type { DocumentFields, Documents, FindOptions, Store } from '../store.ts'
import { compareKeys } from '../store-rules.ts'
import { all, bytes, type Declare, type OpenStore } from './store-under-test.ts'

async function ids(documents: Documents, collection: string, options?: FindOptions): Promise<string[]> {
  return (await all(documents.find(collection, options))).map(({ id }) => id)
}

/** JSON in the form in which every store keeps it. */
const fields: fc.Arbitrary<DocumentFields> = fc
  .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ noUnicodeString: false }))
  .map((value): DocumentFields => JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')))

const id = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 90 })
  .filter((text) => !/[\p{Cc}\p{Surrogate}]/u.test(text))

/** Values that are easily confused. */
const plainValues = [null, true, false, 0, 1, '', '0', '1', 'null', 'a']
const plain = fc.constantFrom(...plainValues)
const fieldName = fc.constantFrom('a', 'a', 'a', 'b', 'toString', 'a.b', '_id', '')
const someFields: fc.Arbitrary<DocumentFields> = fc.dictionary(
  fieldName,
  fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: fc.constantFrom(['a'], { a: 'a' }, [], [null]) }),
)
const someCollection = fc.constantFrom('c', 'c', 'c', 'd')
const someId = fc.constantFrom('1', '11', 'é')

/** A change, or a search by equality, on any store; with its result. */
type Step = (documents: Documents) => Promise<unknown>
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.array(fc.record({ collection: someCollection, id: someId, fields: someFields }), { maxLength: 3 }).map(
    (given): Step =>
      (documents) =>
        documents.insertAll(given),
  ),
  fc.tuple(someCollection, someId, someFields).map(
    ([collection, one, given]): Step =>
      async (documents) => {
        const present = await documents.get(collection, one)
        return documents.replace(collection, one, present?.version ?? 0, given)
      },
  ),
  fc.tuple(someCollection, someId).map(
    ([collection, one]): Step =>
      (documents) =>
        documents.remove(collection, one),
  ),
  fc
    .record({
      collection: someCollection,
      where: fc.dictionary(fieldName, plain, { minKeys: 1, maxKeys: 2 }),
      after: fc.option(someId, { nil: undefined }),
      below: fc.option(someId, { nil: undefined }),
      limit: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
    })
    .map(
      ({ collection, where, after, below, limit }): Step =>
        async (documents) => {
          const page = {
            ...(after === undefined ? {} : { after }),
            ...(below === undefined ? {} : { below }),
            ...(limit === undefined ? {} : { limit }),
          }
          return all(documents.find(collection, { where, ...page }))
        },
    ),
)

export function documentContract(test: Declare, open: OpenStore): void {
  test('documents are removed together, those that are there, and no others', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    const given = ['1', '2', '3', '4'].map((name) => ({ collection: 'c', id: name, fields: { a: name } }))
    await documents.insertAll([...given, { collection: 'd', id: '1', fields: {} }])
    await documents.replace('c', '2', 1, { a: 'other' })
    await documents.removeAll('c', ['1', 'none', '2', '4'])
    await documents.removeAll('c', [])
    t.deepEqual([await ids(documents, 'c'), await ids(documents, 'd')], [['3'], ['1']])
    t.deepEqual(await ids(documents, 'c', { where: { a: '1' } }), [])
    await t.throwsAsync(documents.removeAll('c', ['3', '']), { code: 'STORE_KEY' })
    t.deepEqual(await ids(documents, 'c'), ['3'])
  })

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

  test('documents of several collections are inserted all or none', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    const of = (collection: string, ...some: readonly string[]) =>
      some.map((one) => ({ collection, id: one, fields: {} }))
    await documents.insertAll([])
    await documents.insertAll([...of('tasks', 'b', 'a'), ...of('jobs', 'a')])
    for (const taken of [
      [...of('jobs', 'new'), ...of('tasks', 'new', 'b')],
      [...of('tasks', 'new'), ...of('jobs', 'a')],
      [...of('tasks', 'new'), ...of('jobs', 'new', 'new')],
    ])
      await t.throwsAsync(documents.insertAll(taken), { code: 'STORE_EXISTS' })
    t.deepEqual(await ids(documents, 'jobs'), ['a'])
    t.deepEqual(await ids(documents, 'tasks'), ['a', 'b'])
    t.is(await documents.replace('tasks', 'a', 1, { n: 1 }), 2)
    t.true(await documents.remove('jobs', 'a'))
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

  test('find below a prefix gives what is longer, in order', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    const given = ['a', 'a/', 'a/1', 'a/2', 'a0', 'b/1', '\ud7ff', '\ud7ff1', '\ue0001', '\u{10ffff}', '\u{10ffff}1']
    await documents.insert(
      'c',
      given.map((id) => ({ id, fields: { odd: id.endsWith('1') } })),
    )
    t.deepEqual(await ids(documents, 'c', { below: 'a/' }), ['a/1', 'a/2'])
    t.deepEqual(await ids(documents, 'c', { below: 'a' }), ['a/', 'a/1', 'a/2', 'a0'])
    t.deepEqual(await ids(documents, 'c', { below: 'a/', after: 'a/1' }), ['a/2'])
    t.deepEqual(await ids(documents, 'c', { below: 'a/', after: '0', limit: 1 }), ['a/1'])
    t.deepEqual(await ids(documents, 'c', { below: 'a/', after: 'b' }), [])
    t.deepEqual(await ids(documents, 'c', { below: 'a/', where: { odd: true } }), ['a/1'])
    t.deepEqual(await ids(documents, 'c', { below: '\ud7ff' }), ['\ud7ff1'])
    t.deepEqual(await ids(documents, 'c', { below: '\u{10ffff}' }), ['\u{10ffff}1'])
    t.deepEqual(await ids(documents, 'c', { below: 'c' }), [])
  })

  test('find by equality gives what a look at every document would, whatever was changed before', async (t) => {
    const property = fc.asyncProperty(
      fc.array(fc.oneof({ weight: 20, arbitrary: steps }, { weight: 1, arbitrary: fc.constant('reopen' as const) }), {
        minLength: 10,
        maxLength: 40,
      }),
      async (some) => {
        await using opened = await open()
        let { store }: { store: Store } = opened
        const model = memoryStore()
        const outcome = (step: Step, of: Store) => step(of.documents).catch(({ code }: { code: unknown }) => code)
        for (const step of some) {
          if (step === 'reopen') store = (await opened.reopen?.()) ?? store
          else t.deepEqual(await outcome(step, store), await outcome(step, model))
        }
        for (const value of plainValues) {
          const look: Step = (documents) => all(documents.find('c', { where: { a: value } }))
          t.deepEqual(await look(store.documents), await look(model.documents))
        }
      },
    )
    await fc.assert(property, { numRuns: 30 })
  })

  test('find by equality finds what is inserted, replaced and removed while the first such call is under way', async (t) => {
    await using opened = await open()
    const { documents } = opened.store
    const name = (i: number) => String(i).padStart(4, '0')
    await documents.insert(
      'c',
      Array.from({ length: 1200 }, (_, i) => ({ id: name(i), fields: { even: i % 2 === 0 } })),
    )
    const first = ids(documents, 'c', { where: { even: true } })
    for (let i = 0; i < 1200; i += 100) {
      await Promise.all([
        documents.replace('c', name(i), 1, { even: false }),
        documents.replace('c', name(i + 1), 1, { even: true }),
        documents.remove('c', name(i + 2)),
        documents.insert('c', [{ id: `${name(i)}+`, fields: { even: true } }]),
      ])
    }
    t.is(new Set(await first).size, (await first).length)
    const expected = (await all(documents.find('c'))).filter(({ fields: { even } }) => even === true)
    t.is(expected.length, 600)
    t.deepEqual(await all(documents.find('c', { where: { even: true } })), expected)
    t.deepEqual(await all(documents.find('c', { where: { even: true }, after: name(599) })), expected.slice(-300))
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
      const hex = (text: string) => Array.from(bytes(text), (byte) => byte.toString(16).padStart(2, '0')).join('')
      const sorted = given.toSorted((a, b) => (hex(a) < hex(b) ? -1 : 1))
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
