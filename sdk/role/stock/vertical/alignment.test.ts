import test from 'ava'
import fc from 'fast-check'
import { secretStream } from '../../../random/secret-stream.ts'
import { verticalTraining } from '../../../strategy/algorithms/vertical/index.ts'
import { commonRows, entitiesOf, hashedEntities, positionsIn } from './alignment.ts'
import { elementOf, groupOrder } from './bundled-curve.ts'
import { commonOf, modelsOf, partyPool, rehearseParties, three } from './party-job.contract.ts'
import { blindedEntities, drawExponent, drawOrder, raisedEntities } from './private-intersection.ts'

const secretOf = (name: string) =>
  secretStream(
    Uint8Array.from({ length: 32 }, (_, index) => index),
    0,
    name,
  )
const pause = async () => {}
const ids = (most: number) => fc.uniqueArray(fc.string({ unit: 'grapheme' }), { maxLength: most })
const sorted = (values: Iterable<string>) => [...values].toSorted()

/** The intersection that A finds, as the ids of A and, by the positions that A tells, of B. */
async function intersection(a: readonly string[], b: readonly string[]) {
  const [ofA, ofB] = [drawExponent(secretOf('a')), drawExponent(secretOf('b'))]
  const [orderA, orderB] = [drawOrder(a.length, secretOf('order a')), drawOrder(b.length, secretOf('order b'))]
  const raised = await raisedEntities(await blindedEntities(a, orderA, ofA, pause), ofB, 'a', pause)
  const theirs = await raisedEntities(await blindedEntities(b, orderB, ofB, pause), ofA, 'b', pause)
  const places = positionsIn(entitiesOf(raised), entitiesOf(theirs), 'b')
  return {
    atA: sorted(places.flatMap((place, index) => (place === undefined ? [] : [a[orderA[index] ?? -1] ?? '']))),
    atB: sorted(places.flatMap((place) => (place === undefined ? [] : [b[orderB[place] ?? -1] ?? '']))),
  }
}

test('private intersection finds the plain intersection of any ids, at both parties', async (t) => {
  await fc.assert(
    fc.asyncProperty(ids(6), ids(6), ids(4), async (one, two, both) => {
      const [a, b] = [[...new Set([...one, ...both])], [...new Set([...both, ...two])]]
      const plain = sorted(a.filter((id) => b.includes(id)))
      t.deepEqual(await intersection(a, b), { atA: plain, atB: plain })
    }),
    { numRuns: 40 },
  )
})

test('keyed hashes find the plain intersection of any ids', (t) => {
  fc.assert(
    fc.property(ids(20), ids(20), fc.uint8Array({ minLength: 32, maxLength: 32 }), (a, b, key) => {
      const [own, other] = [hashedEntities(key, a), hashedEntities(key, b)]
      const places = positionsIn(entitiesOf(own.entities), entitiesOf(other.entities), 'b')
      const found = places.flatMap((place, index) => (place === undefined ? [] : [a[own.order[index] ?? -1] ?? '']))
      t.deepEqual(sorted(found), sorted(a.filter((id) => b.includes(id))))
    }),
  )
})

test('entities that are presented tell neither ids nor their order, and differ by secret', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const order = drawOrder(names.length, secretOf('order a'))
  t.notDeepEqual([...order], [...names.keys()])
  const [one, two] = await Promise.all(
    ['a', 'b'].map((name) => blindedEntities(names, order, drawExponent(secretOf(name)), pause)),
  )
  t.true(entitiesOf(one ?? new Uint8Array()).every((entity) => !entitiesOf(two ?? new Uint8Array()).includes(entity)))
  const exponent = drawExponent(secretOf('a'))
  t.true(exponent > 0n && exponent < groupOrder && exponent !== drawExponent(secretOf('b')))
})

test('the order of common entities is the same at all parties, whatever the order of their own ids', (t) => {
  fc.assert(
    fc.property(ids(15), fc.nat(), (names, seed) => {
      const other = [...names.keys()].toSorted((a, b) => ((a * 7919 + seed) % 31) - ((b * 7919 + seed) % 31))
      const shuffled = other.map((index) => names[index] ?? '')
      const [one, two] = [commonRows('job', names, names.keys()), commonRows('job', shuffled, shuffled.keys())]
      t.is(one.digest, two.digest)
      t.deepEqual(
        Array.from(one.rows, (row) => names[row]),
        Array.from(two.rows, (row) => shuffled[row]),
      )
      if (names.length > 1) t.not(commonRows('other', names, names.keys()).digest, one.digest)
    }),
  )
})

test('bytes that are no element of the group are refused, with the party that sent them', async (t) => {
  const refused = (bytes: Uint8Array) =>
    t.throwsAsync(raisedEntities(bytes, 5n, 'feature-holder-0', pause), { code: 'ROLE_PARTY_VALUES' })
  for (const bytes of [new Uint8Array(32), new Uint8Array(32).fill(255), Uint8Array.of(1, ...new Uint8Array(31))]) {
    const error = await refused(bytes)
    t.regex(error.message, /feature-holder-0 has sent no element of the group, as entity 0/)
  }
  t.throws(() => elementOf(new Uint8Array(31)))
  t.throws(() => positionsIn([], ['a', 'a'], 'feature-holder-0'), { code: 'ROLE_PARTY_VALUES' })
})

test('ids that occur twice fail the job, with their number and party', async (t) => {
  for (const party of [0, 1, 2]) {
    const known = three.known.map((rows, index) => (index === party ? [...rows, 1, 2, 2] : rows))
    const table = { ...three, known }
    const { state, cause } = await rehearseParties(table)
    t.is(state, 'failed')
    const end = party === 0 ? 'label-holder-0' : `feature-holder-${party - 1}`
    t.regex(String(cause), new RegExp(`${end} has 2 ids that occur more than once`))
  }
})

test('parties without a common entity fail the job, with their sizes', async (t) => {
  for (const alignment of ['psi', 'hashed'] as const) {
    const table = { ...three, known: [[1, 2], [1, 2, 3], [4]] }
    const { state, cause } = await rehearseParties(table, { strategy: verticalTraining({ alignment }) })
    t.is(state, 'failed')
    t.like(cause, { code: 'ROLE_NO_COMMON_ENTITIES' })
    t.regex(String(cause), /label-holder-0 2, feature-holder-0 3, feature-holder-1 1/)
  }
  t.is(commonOf({ known: [[1, 2], [1, 2, 3], [4]] }).length, 0)
})

test('examples without ids are refused', async (t) => {
  const { ids: _, ...pool } = await partyPool(three)
  const { state, cause } = await rehearseParties(three, { pool })
  t.is(state, 'failed')
  t.like(cause, { code: 'LEARN_IDS' })
})

test('a model with parts for other parties than the topology has is refused', async (t) => {
  const pool = await partyPool({ ...three, widths: [...three.widths, [1, 1]], known: [...three.known, [1]] })
  const { cause } = await rehearseParties(three, { pool })
  t.like(cause, { code: 'ROLE_PARTIES' })
})

test('one common entity is enough to train', async (t) => {
  const run = await rehearseParties({ ...three, known: [[5], [4, 5], [5, 6, 7]] }, { rounds: 2 })
  t.is(run.state, 'completed', String(run.cause))
  t.is(modelsOf(run).length, 6)
})
