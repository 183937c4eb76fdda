import test from 'ava'
import { expand } from './expand.ts'
import { hierarchical, topologies, vertical } from './topologies.ts'
import { assertValid } from './validate.ts'

const { vertical: ofParties, ...ofTrainers } = topologies

for (const [name, topologyOf] of Object.entries(ofTrainers))
  test(`the topology ${name} is valid for any number of clients, and trainer i has dataset i`, (t) => {
    for (const clients of [1, 2, 3, 4, 7, 25])
      for (const levels of [2, 3]) {
        const topology = topologyOf({ clients, levels })
        t.notThrows(() => assertValid(topology))
        const trainers = expand(topology, { jobId: 'job', newKey: () => '' }).filter(({ dataset }) => dataset)
        t.deepEqual(
          trainers.map(({ end, dataset }) => [end, dataset]),
          trainers.map((_, index) => [`trainer-${index}`, `${index}`]),
        )
        t.is(trainers.length, clients)
      }
  })

test('a vertical topology is valid, and datasets are numbered as the ends of the parties are sorted', (t) => {
  for (const clients of [2, 3, 13]) {
    const topology = ofParties({ clients })
    t.notThrows(() => assertValid(topology))
    const tasks = expand(topology, { jobId: 'job', newKey: () => '' })
    const holders = tasks.filter(({ role }) => role === 'feature-holder').toSorted((a, b) => (a.end < b.end ? -1 : 1))
    t.deepEqual(
      holders.map(({ dataset }) => dataset),
      holders.map((_, index) => String(index + 1)),
    )
    t.is(tasks.find(({ end }) => end === 'label-holder-0')?.dataset, '0')
    t.is(tasks.length, clients)
  }
  for (const parties of [0, 1, 2.5, Number.NaN]) t.throws(() => vertical({ parties }), { code: 'TAG_PARTIES' })
})

test('three levels of aggregators merge their groups upward, and other numbers are refused', (t) => {
  const tasks = expand(hierarchical({ clients: 8, levels: 3 }), { jobId: 'job', newKey: () => '' })
  const count = (role: string) => tasks.filter((task) => task.role === role).length
  t.deepEqual(['top-aggregator', 'middle-aggregator', 'leaf-aggregator', 'trainer'].map(count), [1, 2, 4, 8])
  t.throws(() => hierarchical({ clients: 8, levels: 4 }), { code: 'TAG_LEVELS' })
})
