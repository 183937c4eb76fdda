import test from 'ava'
import { apiStage } from '../support/api-stage.ts'
import { shapes } from './shapes.ts'
import { withDatasets, withDesign } from './stage.ts'

/** A hierarchical design, written out so that each case changes one thing of it. */
function base() {
  return {
    schema: {
      name: 'base',
      roles: [
        { name: 'top' },
        {
          name: 'middle',
          groupAssociation: [
            { global: 'default', param: 'west' },
            { global: 'default', param: 'east' },
          ],
        },
        { name: 'trainer', isDataConsumer: true, groupAssociation: [{ param: 'west' }, { param: 'east' }] },
      ] as Loose[],
      channels: [
        { name: 'global', pair: ['top', 'middle'] },
        {
          name: 'param',
          pair: ['middle', 'trainer'],
          groupBy: { type: 'tag', value: ['west', 'east'] },
          funcTags: { middle: ['distribute'], trainer: ['fetch'] },
        },
      ] as Loose[],
    },
    job: {
      designId: 'd',
      backend: 'mqtt',
      dataSpec: [{ role: 'trainer', datasetGroups: { west: ['a1'], east: ['a2'] } }] as Loose[],
      modelSpec: {} as Loose,
    },
    folders: ['top', 'middle', 'trainer'],
  }
}

type Loose = Record<string, unknown>
type Base = ReturnType<typeof base>

interface Case {
  readonly change: (base: Base) => void
  /** Code and place of each fault. */
  readonly faults: readonly string[]
}

/** Adds fields to the role or channel of this index. */
const set = (list: Loose[], index: number, fields: Loose) => void Object.assign(list[index] ?? {}, fields)

/** Faults of the schema alone: the schema is refused. */
const ofSchemas: Readonly<Record<string, Case>> = {
  'two roles of one name': {
    change: ({ schema }) => schema.roles.push({ name: 'top' }),
    faults: ['TAG_NAME_TAKEN schema.roles.3.name'],
  },
  'two channels of one name': {
    change: ({ schema }) => schema.channels.push({ name: 'global', pair: ['top', 'middle'] }),
    faults: ['TAG_NAME_TAKEN schema.channels.2.name'],
  },
  'a name with a space': {
    change: ({ schema }) => {
      set(schema.roles, 0, { name: 'the top' })
      set(schema.channels, 0, { pair: ['the top', 'middle'] })
    },
    faults: ['TAG_NAME_INVALID schema.roles.0.name'],
  },
  'a pair of one role': {
    change: ({ schema }) => schema.channels.push({ name: 'more', pair: ['top'] }),
    faults: ['TAG_PAIR_LENGTH schema.channels.2.pair'],
  },
  'a pair of three roles': {
    change: ({ schema }) => schema.channels.push({ name: 'more', pair: ['top', 'top', 'top'] }),
    faults: ['TAG_PAIR_LENGTH schema.channels.2.pair'],
  },
  'a pair with a role that is none': {
    change: ({ schema }) => schema.channels.push({ name: 'more', pair: ['top', 'boss'] }),
    faults: ['TAG_ROLE_UNKNOWN schema.channels.2.pair'],
  },
  'func tags of a role that is none': {
    change: ({ schema }) => set(schema.channels, 0, { funcTags: { boss: ['distribute'] } }),
    faults: ['TAG_ROLE_UNKNOWN schema.channels.0.funcTags.boss'],
  },
  'func tags of a role outside of the pair': {
    change: ({ schema }) => set(schema.channels, 0, { funcTags: { trainer: ['fetch'] } }),
    faults: ['TAG_CHANNEL_NOT_JOINED schema.channels.0.funcTags.trainer'],
  },
  'an association with a channel that is none': {
    change: ({ schema }) => set(schema.roles, 0, { groupAssociation: [{ global: 'default', none: 'x' }] }),
    faults: ['TAG_CHANNEL_UNKNOWN schema.roles.0.groupAssociation.0.none'],
  },
  'an association with a channel of other roles': {
    change: ({ schema }) => set(schema.roles, 0, { groupAssociation: [{ global: 'default', param: 'west' }] }),
    faults: ['TAG_CHANNEL_NOT_JOINED schema.roles.0.groupAssociation.0.param'],
  },
  'an association with a group that is none': {
    change: ({ schema }) =>
      set(schema.roles, 2, { groupAssociation: [{ param: 'west' }, { param: 'east' }, { param: 'south' }] }),
    faults: ['TAG_GROUP_UNKNOWN schema.roles.2.groupAssociation.2.param'],
  },
  'an association without one of the channels': {
    change: ({ schema }) =>
      set(schema.roles, 1, {
        groupAssociation: [
          { global: 'default', param: 'west' },
          { global: 'default', param: 'east' },
          { global: 'default' },
        ],
      }),
    faults: ['TAG_ASSOCIATION_INCOMPLETE schema.roles.1.groupAssociation.2'],
  },
  'no association where there are several groups': {
    change: ({ schema }) => set(schema.roles, 2, { groupAssociation: [] }),
    faults: ['TAG_GROUP_AMBIGUOUS schema.roles.2'],
  },
  'a role that nothing joins': {
    change: ({ schema }) => schema.roles.push({ name: 'lonely' }),
    faults: ['TAG_ROLE_ISOLATED schema.roles.3'],
  },
  'no data consumer': {
    change: ({ schema }) => set(schema.roles, 2, { isDataConsumer: false }),
    faults: ['TAG_NO_DATA_CONSUMER schema.roles'],
  },
  'a data consumer that reaches no aggregator': {
    change: ({ schema }) => {
      schema.roles.push({ name: 'one', isDataConsumer: true }, { name: 'two', isDataConsumer: true })
      schema.channels.push({ name: 'between', pair: ['one', 'two'] })
    },
    faults: [
      'TAG_DATA_CONSUMERS_JOINED schema.channels.2.pair',
      'TAG_DATA_CONSUMER_CUT_OFF schema.roles.3',
      'TAG_DATA_CONSUMER_CUT_OFF schema.roles.4',
    ],
  },
  'more groups above than below': {
    change: ({ schema }) => {
      set(schema.channels, 0, { groupBy: { type: 'tag', value: ['a', 'b', 'c'] } })
      set(schema.roles, 0, { groupAssociation: ['a', 'b', 'c'].map((global) => ({ global })) })
      const groups = [
        ['a', 'west'],
        ['b', 'east'],
        ['c', 'east'],
      ]
      set(schema.roles, 1, { groupAssociation: groups.map(([global, param]) => ({ global, param })) })
    },
    faults: ['TAG_GROUP_DEPTH schema.channels.0.groupBy'],
  },
  'replicas of a data consumer': {
    change: ({ schema }) => set(schema.roles, 2, { replica: 2 }),
    faults: ['TAG_REPLICA schema.roles.2.replica'],
  },
  'a backend that is none': {
    change: ({ schema }) => set(schema.channels, 0, { backend: 'pigeon' }),
    faults: ['TAG_BACKEND_UNKNOWN schema.channels.0.backend'],
  },
  'a group without ends on one side': {
    change: ({ schema }) => {
      set(schema.channels, 1, { groupBy: { type: 'tag', value: ['west', 'east', 'south'] } })
      set(schema.roles, 1, { groupAssociation: ['west', 'east', 'south'].map((param) => ({ param })) })
    },
    faults: ['TAG_GROUP_ONE_SIDED schema.channels.1'],
  },
  'a group twice': {
    change: ({ schema }) => set(schema.channels, 1, { groupBy: { type: 'tag', value: ['west', 'east', 'west'] } }),
    faults: ['TAG_NAME_TAKEN schema.channels.1.groupBy.value.2'],
  },
}

/** Faults that show when a job names datasets, settings and code. */
const ofJobs: Readonly<Record<string, Case>> = {
  'datasets of a role that is none': {
    change: ({ job }) => job.dataSpec.push({ role: 'boss', datasetGroups: { west: ['a1'] } }),
    faults: ['TAG_ROLE_UNKNOWN dataSpec.1.role'],
  },
  'datasets of a role that takes none': {
    change: ({ job }) => job.dataSpec.push({ role: 'middle', datasetGroups: { west: ['a3'] } }),
    faults: ['TAG_NOT_A_DATA_CONSUMER dataSpec.1.role'],
  },
  'datasets of a group that is none': {
    change: ({ job }) => job.dataSpec.push({ role: 'trainer', datasetGroups: { south: ['a3'] } }),
    faults: ['TAG_DATASET_GROUP dataSpec.1.datasetGroups.south'],
  },
  'a dataset that is none': {
    change: ({ job }) => set(job.dataSpec, 0, { datasetGroups: { west: ['a1'], east: ['a2', 'none'] } }),
    faults: ['TAG_DATASET_UNKNOWN dataSpec.0.datasetGroups.east.1'],
  },
  "another user's private dataset": {
    change: ({ job }) => set(job.dataSpec, 0, { datasetGroups: { west: ['a1'], east: ['private', 'a2'] } }),
    faults: ['TAG_DATASET_UNKNOWN dataSpec.0.datasetGroups.east.0'],
  },
  'no dataset for a data consumer': {
    change: ({ job }) => set(job.dataSpec, 0, { datasetGroups: {} }),
    faults: ['TAG_NO_DATASET schema.roles.2'],
  },
  'no dataset in a group': {
    change: ({ job }) => set(job.dataSpec, 0, { datasetGroups: { west: ['a1', 'a2'], east: [] } }),
    faults: ['TAG_GROUP_ONE_SIDED schema.channels.1'],
  },
  'datasets of two formats for one role': {
    change: ({ job }) => set(job.dataSpec, 0, { datasetGroups: { west: ['a1'], east: ['other-format'] } }),
    faults: ['TAG_DATASET_FORMATS dataSpec.0'],
  },
  'code without a folder of one role': {
    change: (whole) => whole.folders.splice(1, 1),
    faults: ['TAG_CODE_MISSING schema.roles.1'],
  },
  'hyperparameters out of range': {
    change: ({ job }) =>
      set([job.modelSpec], 0, {
        hyperparameters: { rounds: 0, epochs: 1.5, batchSize: -1, learningRate: 0, own: 'x' },
      }),
    faults: ['rounds', 'epochs', 'batchSize', 'learningRate'].map(
      (n) => `FIELD_INVALID modelSpec.hyperparameters.${n}`,
    ),
  },
  'an optimizer that is none': {
    change: ({ job }) => set([job.modelSpec], 0, { optimizer: { sort: 'magic' } }),
    faults: ['ALGORITHM_UNKNOWN modelSpec.optimizer.sort'],
  },
  'a setting that the optimizer has not': {
    change: ({ job }) => set([job.modelSpec], 0, { optimizer: { sort: 'fedprox', kwargs: { mu: 1, nu: 1 } } }),
    faults: ['FIELD_UNKNOWN modelSpec.optimizer.kwargs.nu'],
  },
  'an optimizer without the setting that it needs': {
    change: ({ job }) => set([job.modelSpec], 0, { optimizer: { sort: 'fedprox', kwargs: {} } }),
    faults: ['FIELD_REQUIRED modelSpec.optimizer.kwargs.mu'],
  },
  'a selector that is none': {
    change: ({ job }) => set([job.modelSpec], 0, { selector: { sort: 'dice' } }),
    faults: ['ALGORITHM_UNKNOWN modelSpec.selector.sort'],
  },
  'a selector without the setting that it needs': {
    change: ({ job }) => set([job.modelSpec], 0, { selector: { sort: 'random' } }),
    faults: ['FIELD_REQUIRED modelSpec.selector.kwargs.k'],
  },
  'a sampler and privacy that are none': {
    change: ({ job }) => set([job.modelSpec], 0, { datasampler: { sort: 'x' }, privacy: { sort: 'y' } }),
    faults: ['ALGORITHM_UNKNOWN modelSpec.datasampler.sort', 'ALGORITHM_UNKNOWN modelSpec.privacy.sort'],
  },
  'several faults at once': {
    change: (whole) => {
      whole.folders.splice(0, 1)
      set(whole.job.dataSpec, 0, { datasetGroups: { west: ['none'], east: ['a2'] } })
      set([whole.job.modelSpec], 0, { optimizer: { sort: 'magic' } })
    },
    faults: [
      'ALGORITHM_UNKNOWN modelSpec.optimizer.sort',
      'TAG_CODE_MISSING schema.roles.0',
      'TAG_DATASET_UNKNOWN dataSpec.0.datasetGroups.west.0',
    ],
  },
}

async function prepared() {
  const api = await apiStage('memory')
  await withDatasets(api, ['a1', 'a2', 'a3'])
  const dataset = { url: 'file:///x', dataFormat: 'csv', realm: 'default' }
  await api.call('POST', '/users/u/datasets', { ...dataset, id: 'other-format', dataFormat: 'idx' })
  await api.call('POST', '/users/v/datasets', { ...dataset, id: 'private' })
  return api
}

function faultsIn(body: unknown): string[] {
  const faults: { code: string; place: string }[] = Object(body).faults ?? []
  return faults.map(({ code, place }) => `${code} ${place}`)
}

test('the design that the cases change, and a job on it, are accepted', async (t) => {
  await using api = await prepared()
  const { schema, job, folders } = base()
  t.is((await withDesign(api, schema, folders)).status, 201)
  t.is((await api.call('POST', '/users/u/jobs', job)).status, 201)
})

for (const [title, { change, faults }] of Object.entries(ofSchemas))
  test(`a schema with ${title} is refused there, and is no revision`, async (t) => {
    await using api = await prepared()
    const whole = base()
    change(whole)
    const refused = await withDesign(api, whole.schema, whole.folders)
    t.like(refused, { status: 422, body: { code: 'SCHEMA_INVALID' } })
    t.deepEqual(faultsIn(refused.body), faults)
    t.is((await api.call('GET', '/users/u/designs/d/schema')).status, 404)
  })

for (const [title, { change, faults }] of Object.entries(ofJobs))
  test(`a job with ${title} is refused there, and nothing of it is stored`, async (t) => {
    await using api = await prepared()
    const whole = base()
    change(whole)
    t.is((await withDesign(api, whole.schema, whole.folders)).status, 201)
    const refused = await api.call('POST', '/users/u/jobs', { id: 'j', ...whole.job })
    t.like(refused, { status: 422, body: { code: 'JOB_INVALID' } })
    t.deepEqual(faultsIn(refused.body), faults)
    t.is((await api.call('GET', '/users/u/jobs/j')).status, 404)
    t.is((await api.call('GET', '/users/u/jobs/j/tasks')).status, 404)
  })

test('a job that is changed into one with faults stays as it was, with its tasks', async (t) => {
  await using api = await prepared()
  const { schema, dataSpec } = shapes['two-tier'] ?? { schema: base().schema, dataSpec: [] }
  await withDatasets(api, ['n1', 's1'])
  await withDesign(api, schema, ['aggregator', 'trainer'])
  await api.call('POST', '/users/u/jobs', { id: 'j', designId: 'd', backend: 'ws', dataSpec })
  const before = [await api.call('GET', '/users/u/jobs/j'), await api.call('GET', '/users/u/jobs/j/tasks')]
  const refused = await api.call('PUT', '/users/u/jobs/j', { designId: 'd', backend: 'ws', dataSpec: [] })
  t.deepEqual(faultsIn(refused.body), ['TAG_NO_DATASET schema.roles.0'])
  const after = [await api.call('GET', '/users/u/jobs/j'), await api.call('GET', '/users/u/jobs/j/tasks')]
  t.deepEqual(
    after.map(({ body }) => body),
    before.map(({ body }) => body),
  )
})
