import { serveFlamelet } from 'flame-fl/flamelet/browser'
import drawn from './drawn.workload.ts'

/** Runs in a page's worker: a flamelet whose trainings the page can hold up, so that tests meet it in the middle of a round. */
let trainings = 0

serveFlamelet({
  workload: {
    ...drawn,
    async learner() {
      const learner = await drawn.learner(drawn.settings)
      return {
        ...learner,
        async train(request) {
          trainings += 1
          await navigator.locks.request(`training ${trainings}`, () => {})
          return learner.train(request)
        },
      }
    },
  },
})
