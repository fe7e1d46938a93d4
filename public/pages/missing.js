// What an address shows that belongs to no page.

import { fill, link, make } from "../elements.js";

export const page = {
  title: () => "No such page",
  async open(root) {
    fill(root, make("h1", {}, "There is no such page"), make("p", {}, link("#/", "To the overview")));
  },
};
