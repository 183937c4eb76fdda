import type { DesignSchema } from '../../actors/index.ts'

/** A design, the fields of a job on the design, and the job's expected tasks, in order. */
export interface Shape {
  readonly schema: DesignSchema
  readonly dataSpec: readonly { readonly role: string; readonly datasetGroups: Readonly<Record<string, string[]>> }[]
  /**
   * Role, group association, compute, dataset, and the channels of the config with their groups. Written by hand.
   * Datasets that begin with `n` are on compute `north`, with `s` on `south`, others on any compute.
   */
  readonly tasks: readonly string[]
}

const groups = (...value: string[]) => ({ type: 'tag' as const, value })

export const shapes: Readonly<Record<string, Shape>> = {
  'two-tier': {
    schema: {
      name: 'two-tier',
      roles: [{ name: 'trainer', isDataConsumer: true }, { name: 'aggregator' }],
      channels: [{ name: 'param', pair: ['trainer', 'aggregator'] }],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: ['n1', 'a1', 's1'] } }],
    tasks: [
      'aggregator param=default @default - param(default)',
      'trainer param=default @north n1 param(default)',
      'trainer param=default @default a1 param(default)',
      'trainer param=default @south s1 param(default)',
    ],
  },
  hierarchical: {
    schema: {
      name: 'hierarchical',
      roles: [
        { name: 'top' },
        {
          name: 'middle',
          groupAssociation: [
            { global: 'default', param: 'west' },
            { global: 'default', param: 'east' },
          ],
        },
        { name: 'trainer', isDataConsumer: true, groupAssociation: [{ param: 'east' }, { param: 'west' }] },
      ],
      channels: [
        { name: 'global', pair: ['top', 'middle'] },
        { name: 'param', pair: ['middle', 'trainer'], groupBy: groups('east', 'west') },
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { west: ['s2', 's1'], east: ['n1'] } }],
    tasks: [
      'middle global=default,param=west @default - global(default) param(east|west)',
      'middle global=default,param=east @default - global(default) param(east|west)',
      'top global=default @default - global(default)',
      'trainer param=east @north n1 param(east|west)',
      'trainer param=west @south s2 param(east|west)',
      'trainer param=west @south s1 param(east|west)',
    ],
  },
  parallel: {
    schema: {
      name: 'parallel',
      roles: [
        { name: 'aggregator', groupAssociation: [{ param: 'red' }, { param: 'blue' }] },
        { name: 'trainer', isDataConsumer: true, groupAssociation: [{ param: 'red' }, { param: 'blue' }] },
      ],
      channels: [{ name: 'param', pair: ['aggregator', 'trainer'], groupBy: groups('red', 'blue') }],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { red: ['a1', 'a2'], blue: ['a3'] } }],
    tasks: [
      'aggregator param=red @default - param(red|blue)',
      'aggregator param=blue @default - param(red|blue)',
      'trainer param=blue @default a3 param(red|blue)',
      'trainer param=red @default a1 param(red|blue)',
      'trainer param=red @default a2 param(red|blue)',
    ],
  },
  ring: {
    schema: {
      name: 'ring',
      roles: [{ name: 'trainer', isDataConsumer: true }],
      channels: [{ name: 'ring', pair: ['trainer', 'trainer'], funcTags: { trainer: ['ring_allreduce'] } }],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: ['a1', 'n1', 'n2'] } }],
    tasks: [
      'trainer ring=default @default a1 ring(default)',
      'trainer ring=default @north n1 ring(default)',
      'trainer ring=default @north n2 ring(default)',
    ],
  },
  hybrid: {
    schema: {
      name: 'hybrid',
      roles: [
        { name: 'aggregator' },
        {
          name: 'trainer',
          isDataConsumer: true,
          groupAssociation: [
            { param: 'default', ring: 'one' },
            { param: 'default', ring: 'two' },
          ],
        },
      ],
      channels: [
        { name: 'param', pair: ['aggregator', 'trainer'] },
        { name: 'ring', pair: ['trainer', 'trainer'], groupBy: groups('one', 'two') },
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { two: ['s1', 's2'], one: ['n1', 'n2'] } }],
    tasks: [
      'aggregator param=default @default - param(default)',
      'trainer param=default,ring=one @north n1 param(default) ring(one|two)',
      'trainer param=default,ring=one @north n2 param(default) ring(one|two)',
      'trainer param=default,ring=two @south s1 param(default) ring(one|two)',
      'trainer param=default,ring=two @south s2 param(default) ring(one|two)',
    ],
  },
  coordinated: {
    schema: {
      name: 'coordinated',
      roles: [
        { name: 'coordinator' },
        { name: 'top' },
        { name: 'middle', replica: 2 },
        { name: 'trainer', isDataConsumer: true },
      ],
      channels: [
        { name: 'global', pair: ['top', 'middle'] },
        { name: 'param', pair: ['middle', 'trainer'] },
        { name: 'to-top', pair: ['coordinator', 'top'], funcTags: { coordinator: ['coordinate_with_top'] } },
        { name: 'to-middle', pair: ['coordinator', 'middle'] },
        { name: 'to-trainer', pair: ['coordinator', 'trainer'] },
      ],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: ['a1'] } }],
    tasks: [
      'coordinator to-middle=default,to-top=default,to-trainer=default @default - to-top(default) to-middle(default) to-trainer(default)',
      'middle global=default,param=default,to-middle=default @default - global(default) param(default) to-middle(default)',
      'middle global=default,param=default,to-middle=default @default - global(default) param(default) to-middle(default)',
      'top global=default,to-top=default @default - global(default) to-top(default)',
      'trainer param=default,to-trainer=default @default a1 param(default) to-trainer(default)',
    ],
  },
  replicated: {
    schema: {
      name: 'replicated',
      roles: [
        { name: 'aggregator', replica: 3 },
        { name: 'trainer', isDataConsumer: true },
      ],
      channels: [{ name: 'param', pair: ['aggregator', 'trainer'] }],
    },
    dataSpec: [{ role: 'trainer', datasetGroups: { default: ['a1', 'a2'] } }],
    tasks: [
      'aggregator param=default @default - param(default)',
      'aggregator param=default @default - param(default)',
      'aggregator param=default @default - param(default)',
      'trainer param=default @default a1 param(default)',
      'trainer param=default @default a2 param(default)',
    ],
  },
  'load-balanced': {
    schema: {
      name: 'load-balanced',
      roles: [
        { name: 'top' },
        {
          name: 'relay',
          replica: 2,
          groupAssociation: [
            { up: 'default', down: 'near' },
            { up: 'default', down: 'far' },
          ],
        },
        { name: 'trainer', isDataConsumer: true, groupAssociation: [{ down: 'near' }, { down: 'far' }] },
      ],
      channels: [
        { name: 'up', pair: ['top', 'relay'] },
        { name: 'down', pair: ['relay', 'trainer'], groupBy: groups('near', 'far') },
      ],
    },
    dataSpec: [
      { role: 'trainer', datasetGroups: { near: ['n1'] } },
      { role: 'trainer', datasetGroups: { far: ['s1', 's2'] } },
    ],
    tasks: [
      'relay down=near,up=default @default - up(default) down(near|far)',
      'relay down=far,up=default @default - up(default) down(near|far)',
      'relay down=near,up=default @default - up(default) down(near|far)',
      'relay down=far,up=default @default - up(default) down(near|far)',
      'top up=default @default - up(default)',
      'trainer down=far @south s1 down(near|far)',
      'trainer down=far @south s2 down(near|far)',
      'trainer down=near @north n1 down(near|far)',
    ],
  },
  'feature holders and a label holder below a coordinator': {
    schema: {
      name: 'vertical',
      roles: [
        { name: 'coordinator' },
        { name: 'features', isDataConsumer: true },
        { name: 'labels', isDataConsumer: true },
      ],
      channels: [
        { name: 'embedding', pair: ['coordinator', 'features'] },
        { name: 'loss', pair: ['coordinator', 'labels'] },
      ],
    },
    dataSpec: [
      { role: 'labels', datasetGroups: { default: ['s1'] } },
      { role: 'features', datasetGroups: { default: ['n1', 'n2'] } },
    ],
    tasks: [
      'coordinator embedding=default,loss=default @default - embedding(default) loss(default)',
      'features embedding=default @north n1 embedding(default)',
      'features embedding=default @north n2 embedding(default)',
      'labels loss=default @south s1 loss(default)',
    ],
  },
  'feature holders joined to a label holder, below a coordinator': {
    schema: {
      name: 'vertical',
      isVertical: true,
      roles: [
        { name: 'coordinator' },
        { name: 'features', isDataConsumer: true },
        { name: 'labels', isDataConsumer: true },
      ],
      channels: [
        { name: 'control', pair: ['coordinator', 'labels'] },
        { name: 'embedding', pair: ['features', 'labels'] },
      ],
    },
    dataSpec: [
      { role: 'labels', datasetGroups: { default: ['s1'] } },
      { role: 'features', datasetGroups: { default: ['n1', 'n2'] } },
    ],
    tasks: [
      'coordinator control=default @default - control(default)',
      'features embedding=default @north n1 embedding(default)',
      'features embedding=default @north n2 embedding(default)',
      'labels control=default,embedding=default @south s1 control(default) embedding(default)',
    ],
  },
}
