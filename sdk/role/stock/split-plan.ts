import { knownNames } from '../../../runtime/index.ts'
import { gradientSteps } from '../../learn/gradient-steps.ts'
import type { ModelLayers, ModelPart } from '../../learn/learner.ts'
import type { RoleLearner } from '../../learn/role-learner.ts'
import type { Steps } from '../../learn/steps.ts'
import { type Range, rangesOf } from '../../strategy/shared-part.ts'
import type { Settings } from '../role.ts'
import { splitError } from './split-errors.ts'

/** Settings of a job whose model is split, with their defaults. A workload adds them to its own. */
export const splitSettings: {
  /**
   * 1: a copy of the server's part for each client. 2: one part, which clients train one after another. 0: the same, and
   * each client goes on with the clients' part of the one before.
   */
  readonly splitVersion: number
  /** The last layer of the clients' first part, by name or by number from 1. `auto`: the first layer with weights. */
  readonly cut: string
  /** `sent`: the server computes the loss. `kept`: the clients hold the last layers, too, and labels stay with them. */
  readonly labels: string
  /** With `kept`, the last layer of the server's part. `auto`: the layer before the last one with weights. */
  readonly upperCut: string
} = { splitVersion: 1, cut: 'auto', labels: 'sent', upperCut: 'auto' }

/** How a model is cut. Ranges are those of tensors in the layout. */
export interface SplitPlan {
  /** Whether clients train one after another, with one part of the server's. */
  readonly isInTurns: boolean
  /** Whether each client goes on with the clients' part of the one before, so that nothing is averaged. */
  readonly isHandedOn: boolean
  /** The clients' first part. */
  readonly bottom: ModelPart
  /** The server's part. */
  readonly top: ModelPart
  /** The clients' last part, where labels stay with them. */
  readonly head: ModelPart | undefined
  readonly ofClients: readonly Range[]
  readonly ofServer: readonly Range[]
  /** Number of values in these ranges. */
  readonly clientSize: number
  readonly serverSize: number
  /** The learner's settings of steps, which ends take one at a time. */
  readonly steps: Steps
}

/** @throws ROLE_SPLIT_SETTING for an unknown version, or an unknown place of the labels. */
export function requireSplitSettings(settings: Settings): void {
  choicesOf(settings)
}

/**
 * Cuts a learner's model as the settings say.
 *
 * @throws ROLE_SPLIT_SETTING, ROLE_SPLIT_CUT, ROLE_SPLIT_LEARNER, LEARN_STEPWISE.
 */
export function splitPlan(
  settings: Settings,
  { layout, ownSteps, modelLayers }: Pick<RoleLearner, 'layout' | 'ownSteps' | 'modelLayers'>,
): SplitPlan {
  const { version, isKept, cut, upperCut } = choicesOf(settings)
  if (!modelLayers || !ownSteps) {
    throw splitError('ROLE_SPLIT_LEARNER', {
      reason: 'the learner has no passes through parts of its model, or does not state its steps',
      mend: 'use a layersLearner that runs on the engine, or give your own learner the ability parts, and ownSteps',
    })
  }
  const kept = modelLayers.untrained.find((name) => name.endsWith('/moving_mean'))
  if (kept !== undefined) {
    throw splitError('ROLE_SPLIT_LEARNER', {
      reason: `passes through parts do not move the statistics of ${kept}`,
      mend: 'normalize with groupNormalization instead, or leave the batch normalization out',
    })
  }
  gradientSteps(ownSteps)
  const { layers } = modelLayers
  const numberOf = layerNumbers(modelLayers)
  const withWeights = layout.tensors.map(({ name }) => numberOf(name))
  const lower = cut === 'auto' ? Math.min(...withWeights) : chosenLayer('cut', cut, layers)
  const upper = !isKept
    ? layers.length
    : upperCut === 'auto'
      ? Math.max(...withWeights) - 1
      : chosenLayer('upperCut', upperCut, layers)
  const isOfServer = withWeights.map((number) => number > lower && number <= upper)
  const isOfClients = isOfServer.map((isThere) => !isThere)
  const [ofServer, ofClients] = [rangesOf(layout, isOfServer), rangesOf(layout, isOfClients)]
  const lacking = (who: string) => splitError('ROLE_SPLIT_CUT', { who, layers: numbered(layers) })
  if (!withWeights.some((number) => number <= lower)) throw lacking("the clients' first part")
  if (ofServer.length === 0) throw lacking("the server's part")
  if (isKept && !withWeights.some((number) => number > upper)) throw lacking("the clients' last part")
  const [after, through] = [layers[lower - 1] ?? '', layers[upper - 1] ?? '']
  return {
    isInTurns: version !== 1,
    isHandedOn: version === 0,
    bottom: { through: after },
    top: isKept ? { after, through } : { after },
    head: isKept ? { after: through } : undefined,
    ofClients,
    ofServer,
    clientSize: sizeOf(ofClients),
    serverSize: sizeOf(ofServer),
    steps: ownSteps,
  }
}

function sizeOf(ranges: readonly Range[]): number {
  return ranges.reduce((size, [from, to]) => size + to - from, 0)
}

function choicesOf(settings: Settings) {
  const { splitVersion, cut, labels, upperCut } = { ...splitSettings, ...settings }
  const refused = (name: string, value: unknown, expected: string) =>
    splitError('ROLE_SPLIT_SETTING', { name, value, expected })
  if (splitVersion !== 0 && splitVersion !== 1 && splitVersion !== 2)
    throw refused('splitVersion', splitVersion, '0, 1 or 2')
  if (labels !== 'sent' && labels !== 'kept') throw refused('labels', labels, 'sent or kept')
  if (labels === 'sent' && upperCut !== 'auto')
    throw refused('upperCut', upperCut, 'auto unless labels=kept, since the server has all upper layers')
  return { version: splitVersion, isKept: labels === 'kept', cut: String(cut), upperCut: String(upperCut) } as const
}

/** The number, from 1, of the layer that a setting names. */
function chosenLayer(name: string, value: string, layers: readonly string[]): number {
  const found = layers.indexOf(value) + 1
  if (found > 0) return found
  const number = /^\d+$/.test(value) ? Number(value) : 0
  if (number >= 1 && number <= layers.length) return number
  const expected = `a layer's number from 1 to ${layers.length}, or one of ${knownNames(value, layers)}`
  throw splitError('ROLE_SPLIT_SETTING', { name, value, expected })
}

/** The number, from 1, of the layer to which a tensor belongs. */
function layerNumbers({ layers }: ModelLayers): (tensor: string) => number {
  const longestFirst = layers
    .map((name, index) => [name, index + 1] as const)
    .toSorted(([a], [b]) => b.length - a.length)
  return (tensor) => longestFirst.find(([name]) => tensor.startsWith(`${name}/`))?.[1] ?? 0
}

function numbered(layers: readonly string[]): string {
  return layers.map((name, index) => `${index + 1} ${name}`).join(', ')
}
