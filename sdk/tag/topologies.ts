import type { Topology } from './topology.ts'

const upward = ['fetch', 'upload']
const downward = ['distribute', 'aggregate']

/** Trainers below one aggregator. Trainer i trains on dataset i. */
export function twoTier({ clients }: { readonly clients: number }): Topology {
  return {
    schema: {
      name: 'two-tier',
      roles: [{ name: 'top-aggregator' }, { name: 'trainer', isDataConsumer: true }],
      channels: [
        {
          name: 'param-channel',
          pair: ['top-aggregator', 'trainer'],
          funcTags: { 'top-aggregator': downward, trainer: upward },
        },
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets(0, clients) } }],
  }
}

/** Groups of trainers, each below its own aggregator, and one aggregator above these. Trainer i trains on dataset i. */
export function hierarchical({
  clients,
  groups = Math.min(2, clients),
}: {
  readonly clients: number
  readonly groups?: number
}): Topology {
  const digits = String(groups - 1).length
  const names = Array.from({ length: groups }, (_, index) => `group-${String(index).padStart(digits, '0')}`)
  const start = (group: number) => Math.floor((group * clients) / groups)
  return {
    schema: {
      name: 'hierarchical',
      roles: [
        { name: 'top-aggregator' },
        {
          name: 'middle-aggregator',
          groupAssociation: names.map((name) => ({ 'global-channel': 'default', 'param-channel': name })),
        },
        { name: 'trainer', isDataConsumer: true, groupAssociation: names.map((name) => ({ 'param-channel': name })) },
      ],
      channels: [
        {
          name: 'global-channel',
          pair: ['top-aggregator', 'middle-aggregator'],
          funcTags: { 'top-aggregator': downward, 'middle-aggregator': upward },
        },
        {
          name: 'param-channel',
          pair: ['middle-aggregator', 'trainer'],
          groupBy: { type: 'tag', value: names },
          funcTags: { 'middle-aggregator': downward, trainer: upward },
        },
      ],
    },
    dataSpec: [
      {
        role: 'trainer',
        datasetGroups: Object.fromEntries(names.map((name, index) => [name, datasets(start(index), start(index + 1))])),
      },
    ],
  }
}

function datasets(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => String(from + index))
}
