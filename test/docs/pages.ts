import { topologies, topologySvg } from '../../sdk/index.ts'
import { algorithmsPage } from './algorithms-page.ts'
import { behaviourPage } from './behaviour-page.ts'
import { capacityPage } from './capacity-page.ts'
import { errorsPage } from './errors-page.ts'
import { flamectlPage } from './flamectl-page.ts'
import { modelsPage } from './models-page.ts'

/** The pages of docs/ that are made from the code, by their files. */
export const pages = new Map<string, () => string | Promise<string>>([
  ['docs/algorithms.md', algorithmsPage],
  ['docs/behaviour.md', behaviourPage],
  ['docs/capacity.md', capacityPage],
  ['docs/errors.md', errorsPage],
  ['docs/flamectl.md', flamectlPage],
  ['docs/models.md', modelsPage],
  ...Object.entries(topologies).map(
    ([name, topologyOf]) => [`docs/topologies/${name}.svg`, () => topologySvg(topologyOf({ clients: 6 }))] as const,
  ),
])
