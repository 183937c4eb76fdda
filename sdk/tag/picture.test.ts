import test from 'ava'
import { topologySvg, topologyText } from './picture.ts'
import { coordinated, gossip, hybrid, topologies, vertical } from './topologies.ts'

test('the text of a topology counts tasks by role, and says for each channel which ends see each other', (t) => {
  t.is(
    topologyText(hybrid({ clients: 9, groups: 1 })),
    [
      'hybrid: 10 tasks',
      '',
      'top-aggregator  1 task',
      'trainer         9 tasks, one for each dataset',
      '',
      'global-channel: top-aggregator (distribute, aggregate) – trainer (fetch, upload)',
      '  default: top-aggregator-0 – trainer-0, trainer-1, trainer-2, trainer-3, trainer-4, trainer-5 and 3 more',
      '',
      'ring-channel: trainer (ring_allreduce)',
      '  group-0: a ring of trainer-0, trainer-1, trainer-2, trainer-3, trainer-4, trainer-5 and 3 more',
      '',
    ].join('\n'),
  )
})

test('the picture of a topology has a box for each end, in rows, and a line for each pair that sees each other', (t) => {
  const svg = topologySvg(coordinated({ clients: 3, replicas: 2 }))
  t.is(svg.match(/<rect /g)?.length, 1 + 7)
  // Top with each middle, each middle with each trainer, the coordinator with everyone.
  t.is(svg.match(/<path /g)?.length, 2 + 6 + 6)
  const heightOf = (end: string) => Number(new RegExp(`y="(\\d+)" text-anchor="middle">${end}<`).exec(svg)?.[1])
  const rows = ['coordinator-0', 'top-aggregator-0', 'middle-aggregator-1', 'trainer-2'].map(heightOf)
  t.deepEqual(
    rows,
    rows.toSorted((a, b) => a - b),
  )
})

test('ends that gossip are joined by the edges of their graph', (t) => {
  const edges = (graph: string) => topologySvg(gossip({ clients: 6, graph })).match(/<path /g)?.length
  t.deepEqual(['ring', 'torus', 'full', 'regular:3'].map(edges), [6, 9, 15, 9])
  t.regex(topologyText(gossip({ clients: 3, graph: 'full' })), /default: graph full: trainer-0, trainer-1, trainer-2/)
})

test('the picture of a vertical topology has the label holder above the feature holders', (t) => {
  const svg = topologySvg(vertical({ parties: 4 }))
  t.is(svg.match(/<path /g)?.length, 3)
  const heightOf = (end: string) => Number(new RegExp(`y="(\\d+)" text-anchor="middle">${end}<`).exec(svg)?.[1])
  t.true(heightOf('label-holder-0') < heightOf('feature-holder-2'))
})

test('names of a schema are escaped in its picture', (t) => {
  const { schema, dataSpec } = topologies['two-tier']({ clients: 1 })
  t.regex(topologySvg({ schema: { ...schema, name: 'a<b' }, dataSpec }), /<title>a&lt;b<\/title>/)
})
