// The account page needs no more than every page does.

import { element } from "./page.js";

element("#secret")?.select();
