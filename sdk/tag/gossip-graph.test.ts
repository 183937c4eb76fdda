import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../random/random-stream.ts'
import { graphMisfit, graphNamed, metropolisWeights, type Neighbours, neighboursIn } from './gossip-graph.ts'

function graph(name: string, ends: number, seed = 1): Neighbours {
  const found = graphNamed(name)
  if (!found) throw new Error(`${name} is no graph`)
  return neighboursIn(found, ends, randomStream(seed, 0, '', 'graph'))
}

const edgesOf = (neighbours: Neighbours, ends: number) =>
  Array.from({ length: ends }, (_, end) => neighbours.of(end).map((other) => `${end}-${other}`)).flat()

test('a ring, a torus and a full graph have the edges of their names', (t) => {
  t.deepEqual(graph('ring', 4).of(0), [1, 3])
  t.deepEqual(graph('ring', 2).of(1), [0])
  t.deepEqual(graph('ring', 1).of(0), [])
  t.deepEqual(graph('torus', 12).of(5), [1, 4, 6, 9])
  t.deepEqual(graph('torus', 6).of(0), [1, 2, 3])
  t.deepEqual(graph('full', 4).of(2), [0, 1, 3])
  t.is(graph('full', 4).degree(2), 3)
})

const fittings = fc
  .record({ ends: fc.integer({ min: 1, max: 40 }), degree: fc.integer({ min: 1, max: 9 }), seed: fc.nat() })
  .chain(({ ends, degree, seed }) =>
    fc.constantFrom('full', 'ring', 'torus', `regular:${degree}`, `regular:${degree}:each-round`).map((name) => ({
      name,
      ends,
      seed,
    })),
  )
  .filter(({ name, ends }) => graphMisfit(graphNamed(name)!, ends) === undefined)

test('every graph joins both ends of an edge, and none with itself; a regular one has its degree and is connected', (t) => {
  fc.assert(
    fc.property(fittings, ({ name, ends, seed }) => {
      const neighbours = graph(name, ends, seed)
      const edges = new Set(edgesOf(neighbours, ends))
      for (const edge of edges) {
        const [one, other] = edge.split('-')
        t.true(edges.has(`${other}-${one}`) && one !== other)
      }
      const degree = graphNamed(name)?.degree ?? 0
      for (let end = 0; end < ends; end++) {
        t.is(neighbours.degree(end), neighbours.of(end).length)
        if (degree > 0) t.is(neighbours.degree(end), degree)
      }
      const reached = new Set([0])
      for (const end of reached) for (const other of neighbours.of(end)) reached.add(other)
      if (degree !== 1) t.is(reached.size, ends)
      t.deepEqual(edgesOf(graph(name, ends, seed), ends), edgesOf(neighbours, ends))
    }),
  )
})

test('the Metropolis weights of both ends of an edge are equal, and leave each end a share of its own', (t) => {
  fc.assert(
    fc.property(fittings, ({ name, ends, seed }) => {
      const neighbours = graph(name, ends, seed)
      const rows = Array.from({ length: ends }, (_, end) => metropolisWeights(neighbours, end))
      for (const [end, row] of rows.entries()) {
        for (const [other, weight] of row) t.is(rows[other]?.get(end), weight)
        t.true([...row.values()].reduce((sum, weight) => sum + weight, 0) < 1)
      }
    }),
  )
})

test('regular graphs differ by their seed', (t) => {
  const drawn = new Set(Array.from({ length: 20 }, (_, seed) => edgesOf(graph('regular:4', 16, seed), 16).join()))
  t.is(drawn.size, 20)
})

test('a graph that the ends cannot make, or that spreads nothing, has a reason', (t) => {
  for (const [name, ends, reason] of [
    ['torus', 7, /prime/],
    ['regular:4', 4, /more than the other ends/],
    ['regular:3', 5, /half an edge/],
    ['regular:1', 4, /never change/],
  ] as const)
    t.regex(graphMisfit(graphNamed(name)!, ends) ?? '', reason)
  t.is(graphMisfit(graphNamed('regular:1:each-round')!, 4), undefined)
  for (const name of ['', 'rings', 'regular', 'regular:0', 'regular:1.5', 'regular:2:', 'regular:9999999'])
    t.is(graphNamed(name), undefined)
})
