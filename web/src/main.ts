/** URL -> page. Home comes with the first load, the others when they are asked for. */
import './base.css'
import { mount, type Component } from 'svelte'
import Frame from './frame/Frame.svelte'
import Home from './pages/home/Home.svelte'
import Unknown from './pages/unknown/Unknown.svelte'
import type { PageName } from './plain/place.ts'

type Page = { default: Component }

function page(name: PageName): Page | Promise<Page> {
  switch (name) {
    case 'home':
      return { default: Home }
    case 'explore':
      return import('./pages/explore/Explore.svelte')
    case 'data':
      return import('./pages/data/Data.svelte')
    case 'unknown':
      return { default: Unknown }
  }
}

mount(Frame, { target: document.getElementById('page')!, props: { page } })
