const compute = { computeId: 'c', apiKey: 'secret', adminId: 'admin', region: 'eu' }

/** Valid bodies, by operation. */
export const bodies: Readonly<Record<string, readonly unknown[]>> = {
  createDesign: [{ id: 'd', name: 'n', description: 'a design' }],
  updateDesign: [{ name: 'n', description: 'a design' }],
  createDesignSchema: [
    {
      name: 'two-tier',
      roles: [
        { name: 'aggregator', replica: 1, groupAssociation: [{ param: 'eu' }, { param: 'us' }] },
        { name: 'trainer', isDataConsumer: true, groupAssociation: [{ param: 'eu' }, { param: 'us' }] },
      ],
      channels: [
        {
          name: 'param',
          pair: ['aggregator', 'trainer'],
          groupBy: { type: 'tag', value: ['eu', 'us'] },
          funcTags: { aggregator: ['distribute', 'aggregate'], trainer: ['fetch', 'upload'] },
        },
      ],
    },
    {
      name: 'hierarchical',
      roles: [{ name: 'top' }, { name: 'middle', replica: 2 }, { name: 'trainer', isDataConsumer: true }],
      channels: [
        { name: 'global', pair: ['top', 'middle'], backend: 'mqtt' },
        { name: 'param', pair: ['middle', 'trainer'], isUnidirectional: false },
      ],
    },
  ],
  createDataset: [{ id: 'a', name: 'n', url: 'file:///a', dataFormat: 'csv', realm: 'default', isPublic: true }],
  createJob: [
    {
      name: 'j',
      designId: 'd',
      backend: 'mqtt',
      priority: 'low',
      maxRunTime: 60,
      dataSpec: [{ role: 'trainer', datasetGroups: { eu: ['a', { dataset: 'b', count: 3 }], us: ['c'] } }],
      modelSpec: {
        baseModel: { name: 'm', version: 1 },
        optimizer: { sort: 'fedavg', kwargs: { beta: 0.9 } },
        selector: { sort: 'random', kwargs: { k: 3 } },
        hyperparameters: { rounds: 5, learningRate: 0.1, layers: [1, 2] },
        dependencies: ['numpy'],
      },
    },
  ],
  updateJobStatus: [{ state: 'starting' }],
  updateTaskStatus: [{ state: 'running' }, { state: 'failed', cause: { code: 'A', message: 'b' } }],
  registerCompute: [compute],
  updateCompute: [compute],
  makeFault: [
    { type: 'kill', task: 't' },
    { type: 'delay', task: 't', delayMs: 2 },
  ],
  putDeploymentStatus: [{ a: 'agentDeploySuccess' }],
}

/** Topologies: the sample schemas, with data for each. */
export const topologies: readonly unknown[] = (bodies.createDesignSchema ?? []).map((schema) => ({
  schema,
  dataSpec: [{ role: 'trainer', datasetGroups: { eu: ['a', { dataset: 'b', count: 3 }], us: ['c'], default: ['a'] } }],
}))

/** Messages of a job's process. */
export const processMessages: readonly unknown[] = [
  { type: 'store', call: 1, store: { method: 'save', key: 'job/j/a', version: 0, bytes: Uint8Array.of(1) } },
  { type: 'store', call: 2, store: { method: 'append', key: 'job/j/a', bytes: Uint8Array.of(1), expected: 3 } },
  { type: 'placed' },
  { type: 'task-status', task: 't', status: 'running', cause: { code: 'A', message: 'b' } },
  {
    type: 'event',
    call: 3,
    event: { type: 'round', round: 1, metrics: { loss: 1 }, hash: 'a', members: ['a'], seconds: 1 },
  },
  { type: 'event', event: { type: 'log', end: 'a', message: 'b', fields: { c: 1, d: true } } },
  {
    type: 'ended',
    cause: { name: 'Error', message: 'm', stack: 's', coded: { code: 'A', hint: 'h', values: { a: 'b' } } },
  },
]
