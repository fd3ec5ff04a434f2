/** URL -> page. Home comes with the first load, the others when they are asked for. */
import './base.css'
import { mount, type Component } from 'svelte'
import Frame from './frame/Frame.svelte'
import { server } from './frame/server.svelte.ts'
import Home from './pages/home/Home.svelte'
import Unknown from './pages/unknown/Unknown.svelte'
import type { PageName } from './plain/place.ts'

type Page = { default: Component }

const PAGES: Record<PageName, () => Page | Promise<Page>> = {
  home: () => ({ default: Home }),
  services: () => import('./pages/services/Services.svelte'),
  service: () => import('./pages/service/Service.svelte'),
  monitors: () => import('./pages/monitors/Monitors.svelte'),
  monitor: () => import('./pages/monitor/Monitor.svelte'),
  editor: () => import('./pages/editor/Editor.svelte'),
  incidents: () => import('./pages/incidents/Incidents.svelte'),
  oncall: () => import('./pages/oncall/OnCall.svelte'),
  errors: () => import('./pages/errors/Errors.svelte'),
  explore: () => import('./pages/explore/Explore.svelte'),
  changes: () => import('./pages/changes/Changes.svelte'),
  reports: () => import('./pages/reports/Reports.svelte'),
  posts: () => import('./pages/posts/Posts.svelte'),
  proof: () => import('./pages/proof/Proof.svelte'),
  settings: () => import('./pages/settings/Settings.svelte'),
  data: () => import('./pages/data/Data.svelte'),
  unknown: () => ({ default: Unknown }),
}

/** These add up what is of everybody, or are said in everybody's name. */
const OF_EVERYBODY: PageName[] = ['services', 'service', 'reports', 'posts']

const limited = () => import('./pages/limited/Limited.svelte')

function pageOf(name: PageName): Page | Promise<Page> {
  if (!OF_EVERYBODY.includes(name)) return PAGES[name]()
  // Looked at now, so that it is another page once somebody has signed in who sees a part.
  if (server.limited) return limited()
  return server.seesAll().then((all): Page | Promise<Page> => (all ? PAGES[name]() : limited()))
}

mount(Frame, { target: document.getElementById('page')!, props: { page: pageOf } })
