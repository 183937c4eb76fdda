import type { AnyRole } from '../role.ts'

/**
 * The stock roles besides the plain trainer, for pages: package.json maps `#aggregators` to this module in a browser.
 * Most pages train only, so that another role is loaded when a task begins to be one.
 */
export const aggregators: Readonly<Record<string, AnyRole>> = {
  coordinator: loadedLate('coordinator'),
  'feature-holder': loadedLate('feature-holder'),
  'gossip-pair-trainer': loadedLate('gossip-pair-trainer'),
  'gossip-trainer': loadedLate('gossip-trainer'),
  'hybrid-trainer': loadedLate('hybrid-trainer'),
  'label-holder': loadedLate('label-holder'),
  'middle-aggregator': loadedLate('middle-aggregator'),
  'ring-trainer': loadedLate('ring-trainer'),
  'split-aggregator': loadedLate('split-aggregator'),
  'split-server': loadedLate('split-server'),
  'split-trainer': loadedLate('split-trainer'),
  'top-aggregator': loadedLate('top-aggregator'),
}

function loadedLate(name: string): AnyRole {
  return {
    name,
    async runOn(runner) {
      const { aggregators: loaded } = await import('./aggregators.ts')
      await loaded[name]?.runOn(runner)
    },
  }
}
